"""Weights that were trained: files of safetensors, in the layouts that `Layer.weights` states.

The tensors are called after layer and weight, as in `conv1/kernel`, and are float16 or float32;
networks are always filled with float32. Those that npulint ships have a record beside them of how
they came to be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npulint.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from npulint.reference_models.network import Network, Step

SHIPPED = Path(__file__).parent / "training" / "weights"
"""Where the weights lie that are part of the package."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Weights out of a file.

    Attributes:
        path: The file.
        digest: SHA-256 of its content.
    """

    path: Path = field(repr=False)
    digest: str

    def arrays(self, step: Step) -> Mapping[str, npt.NDArray[np.float32]]:
        """The weights and statistics of a layer.

        Raises:
            UsageError: The file has none for this layer, or of other shapes.
        """
        tensors = _read(self.path, self.digest)
        return {
            kind: self._checked(tensors, f"{step.name}/{kind}", shape)
            for kind, shape in {**step.weights, **step.statistics}.items()
        }

    def _checked(
        self, tensors: Mapping[str, npt.NDArray[np.float32]], name: str, shape: tuple[int, ...]
    ) -> npt.NDArray[np.float32]:
        array = tensors.get(name)
        if array is None:
            raise UsageError(f"{self.path}: has no {name}; these are weights of another network")
        if array.shape != shape:
            raise UsageError(
                f"{self.path}: {name} is {list(array.shape)} where the network has {list(shape)}"
            )
        return array


def from_file(path: Path) -> Trained:
    """Weights out of a file, which must be there.

    Raises:
        MissingExtraError: safetensors is not installed.
        UsageError: The file cannot be read, or is none of safetensors.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    _read(path, digest)
    return Trained(path, digest)


def shipped(name: str) -> Trained:
    """The weights that npulint ships for a network.

    Raises:
        MissingExtraError: safetensors is not installed.
        UsageError: There are none.
    """
    if name not in names():
        raise UsageError(
            f"no trained weights are shipped for {name}; there are some for {', '.join(names())}"
        )
    return from_file(SHIPPED / f"{name}.safetensors")


def names() -> tuple[str, ...]:
    """The networks for which trained weights are shipped."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.safetensors")))


def record(name: str) -> dict[str, Any]:
    """How shipped weights came to be, and what they are worth.

    Args:
        name: One of `names()`.
    """
    text = (SHIPPED / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def repeats(name: str) -> tuple[dict[str, Any], ...]:
    """The records of the same training from other seeds, whose weights are not shipped.

    Args:
        name: One of `names()`.
    """
    paths = sorted(SHIPPED.glob(f"{name}-seed*.json"))
    return tuple(json.loads(path.read_text(encoding="utf-8")) for path in paths)


def filled(network: Network, weights: Trained) -> Network:
    """A network with these weights in all its layers.

    Raises:
        UsageError: They are those of another network.
    """
    for step in network.steps:
        weights.arrays(step)
    return replace(network, filling=weights)


@lru_cache(maxsize=4)
def _read(path: Path, digest: str) -> Mapping[str, npt.NDArray[np.float32]]:
    """All tensors of a file, whose digest keeps what was read before from being taken for it."""
    if find_spec("safetensors") is None:
        raise MissingExtraError(
            "trained weights need safetensors, which is not installed: pip install 'npulint[torch]'"
        )
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise UsageError(f"{path}: changed while it was read")
    try:
        return {name: array.astype(np.float32) for name, array in load(content).items()}
    except SafetensorError as error:
        raise UsageError(f"{path}: is no file of safetensors: {error}") from error
