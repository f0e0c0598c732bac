"""Exports that were made before, kept in the user's cache folder.

What is found there is used as it is: the name of an entry is a digest of all that has a say in
the file, from the network's layers to the framework's version.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from npulint import caches
from npulint.reference_models.frameworks import versions

if TYPE_CHECKING:
    from npulint.reference_models.network import Network
    from npulint.reference_models.recipe import Recipe

LIMIT = 4 * 2**30
"""Bytes that the folder may hold; beyond them what was used longest ago goes."""


def folder() -> Path:
    """Where exports are kept: `$NPULINT_CACHE`, or the place that the system has for caches."""
    chosen = os.environ.get("NPULINT_CACHE")
    return Path(chosen) if chosen else caches.folder("reference_models")


def place(network: Network, recipe: Recipe) -> Path:
    """The file in which an export is kept, whether it is there or not."""
    height, width = network.image[:2]
    name = f"{network.name}-{height}x{width}-{digest(network, recipe)[:20]}.{recipe.format}"
    return folder() / name


def digest(network: Network, recipe: Recipe) -> str:
    """A digest of all that has a say in an export."""
    state = hashlib.sha256()
    parts = (repr(network), repr(recipe), repr(versions(recipe.format)), _machinery())
    for part in parts:
        state.update(part.encode() + b"\0")
    return state.hexdigest()


def find(path: Path) -> bytes | None:
    """The bytes of a kept export, None where there is none."""
    return caches.find(path)


def keep(path: Path, content: bytes) -> None:
    """Keep an export for the next time."""
    caches.keep(path, content, LIMIT)


def _machinery() -> str:
    """A digest of the code that turns a definition into a file."""
    here = Path(__file__).parent
    state = hashlib.sha256()
    for path in sorted([*here.glob("*.py"), *here.glob("layers/*.py")]):
        state.update(path.read_bytes())
    return state.hexdigest()
