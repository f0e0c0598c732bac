"""The pictures that networks are trained and measured on, and which is for what.

`split.json` was fixed before the first network was trained: it names each photograph, its
author, licence and file, and each scene's seed, with a digest of all. The photographs come with
scikit-image and scikit-learn, inside their wheels; scenes are drawn.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from npulint.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Part = Literal["train", "validation", "held-out"]
"""What a picture is for: to learn from, to choose by, or to be measured on once all is chosen."""

PARTS: tuple[Part, ...] = get_args(Part)

SPLIT = Path(__file__).parent / "split.json"


class Picture(Protocol):
    """Something to train on or to measure with."""

    @property
    def name(self) -> str:
        """What it is called, unlike any other."""
        ...

    @property
    def part(self) -> Part:
        """What it is for."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of what it is made from."""
        ...

    def pixels(self) -> npt.NDArray[np.uint8]:
        """Its sRGB values, [H, W, 3]."""
        ...


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph in a package's folder of data.

    Attributes:
        name: What it is called.
        part: What it is for.
        digest: SHA-256 of the file.
        module: The package that brings it, as it is imported.
        distribution: And as it is installed.
        file: The file, from the package's folder.
        author: Who took it or owns it.
        licence: On which terms.
        source: Where those are written.
    """

    name: str
    part: Part
    digest: str
    module: str
    distribution: str
    file: str
    author: str
    licence: str
    source: str

    def pixels(self) -> npt.NDArray[np.uint8]:
        """Its values; of a grey photograph, three times the same.

        Raises:
            MissingExtraError: The package, or Pillow, is not installed.
            UsageError: The package has another photograph under this name.
        """
        path = self._path()
        if find_spec("PIL") is None:
            raise _missing("pillow")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
        found = hashlib.sha256(content).hexdigest()
        if found != self.digest:
            raise UsageError(
                f"{path}: not the photograph that the split names: its SHA-256 is {found[:12]}..., "
                f"not {self.digest[:12]}...; another version of {self.distribution} has it"
            )
        import numpy as np
        from PIL import Image

        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))

    def _path(self) -> Path:
        # The package itself takes seconds to import; its folder is all that is needed.
        spec = find_spec(self.module)
        if spec is None or spec.origin is None:
            raise _missing(self.distribution)
        return Path(spec.origin).parent / self.file


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene drawn from a seed.

    Attributes:
        part: What it is for.
        digest: SHA-256 of its pixels.
        seed: What it is drawn from.
    """

    part: Part
    digest: str
    seed: int

    @property
    def name(self) -> str:
        """What it is called."""
        return f"scene {self.seed}"

    def pixels(self) -> npt.NDArray[np.uint8]:
        """Its values.

        Raises:
            UsageError: It is not drawn as it was when the split was fixed.
        """
        from npulint.reference_models.training.scenes import scene

        drawn = scene(self.seed)
        if hashlib.sha256(drawn.tobytes()).hexdigest() != self.digest:
            raise UsageError(f"{self.name} is drawn otherwise here than where the split was fixed")
        return drawn


@lru_cache(maxsize=1)
def split() -> tuple[Picture, ...]:
    """All pictures, each in the part that it has been in from the beginning."""
    known: dict[str, Any] = json.loads(SPLIT.read_text(encoding="utf-8"))
    photographs = [Photograph(**entry) for entry in known["photographs"]]
    scenes = [
        Scene(part, digest, int(seed))
        for part, drawn in known["scenes"].items()
        for seed, digest in drawn.items()
    ]
    return (*photographs, *scenes)


def of(part: Part) -> tuple[Picture, ...]:
    """The pictures of one part."""
    return tuple(picture for picture in split() if picture.part == part)


def digest() -> str:
    """A digest of the split as a whole."""
    return hashlib.sha256(SPLIT.read_bytes()).hexdigest()


def _missing(distribution: str) -> MissingExtraError:
    return MissingExtraError(
        f"the photographs need {distribution}, which is not installed: "
        "pip install 'npulint[photographs]'"
    )
