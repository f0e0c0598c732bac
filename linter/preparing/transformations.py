"""What may be asked of a network by name, whatever the targets say: the steps of papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType

from npulint.errors import UsageError

_MOFA = "MOFA, arXiv:2308.12494"
_DEBLURRING = "Chiang et al., arXiv:2004.12599 section 4.2"
_PYNET = "PyNET-V2 Mobile, arXiv:2211.06263 section IV-E"

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "partial-convolution": f"{_MOFA} section 3.2",
        "wider-middle-layers": f"{_MOFA} section 3.3",
        "wider-cheap-layers": f"{_MOFA} section 3.4",
        "decoupled-upsampling": f"{_MOFA} section 3.5",
        "decoupled-downsampling": f"{_MOFA} section 3.5",
        "partial-depthwise-convolution": f"{_MOFA} section 3.6",
        "resize-convolution": _DEBLURRING,
        "strip-norms": f"{_MOFA} section 4.4; {_PYNET} (NoNorm)",
    }
)
"""Every transformation, in the order of the roadmap, with where it is written down."""


@dataclass(frozen=True, slots=True)
class Transformation:
    """One step that is asked for.

    Attributes:
        name: One of `SOURCES`.
        where: A pattern of the paths that it may change, as shells have them; all when it is `*`.
        divisor: Of how many channels partial convolutions look at one; 4 in the paper, and 2
            where layers are wider.
        threshold: From how many such channels on a partial convolution becomes depthwise.
    """

    name: str
    where: str = "*"
    divisor: int = 4
    threshold: int = 32

    def means(self, path: str) -> bool:
        """Whether it may change what stands at a path."""
        return fnmatchcase(path, self.where)


def understood(wanted: Sequence[str | Transformation]) -> tuple[Transformation, ...]:
    """The steps that are asked for.

    Args:
        wanted: Transformations, their names, or `NAME:PATTERN` for some of the layers.

    Raises:
        UsageError: There is no transformation of a name, or it cannot be as it is asked for.
    """
    if isinstance(wanted, str):
        raise UsageError(f"transformations {wanted!r}: give a sequence of names")
    found = []
    for each in wanted:
        step = each
        if isinstance(step, str):
            name, _, where = step.partition(":")
            step = Transformation(name, where or "*")
        if not isinstance(step, Transformation):
            raise UsageError(f"transformation {step!r}: give a name or a Transformation")
        if step.name not in SOURCES:
            raise UsageError(f"transformation {step.name!r}: give one of {', '.join(SOURCES)}")
        if step.name == "wider-middle-layers" and step.where == "*":
            raise UsageError(
                "wider-middle-layers: which layers are the middle ones is not known of a network; "
                "name them, as in 'wider-middle-layers:encoder3.*'"
            )
        if step.divisor < 2 or step.threshold < 1:
            raise UsageError(f"{step.name}: give a divisor of 2 or more, a threshold of 1 or more")
        found.append(step)
    return tuple(found)
