"""What is to be learnt: samples, split, with what is wanted of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.recovering.examples import Split, split
from npulint.recovering.measuring import psnr, quality, to_truth
from npulint.recovering.records import Parts

if TYPE_CHECKING:
    from npulint.recovering.examples import Arrays, Example, Teacher
    from npulint.recovering.recipe import Recipe
    from npulint.recovering.records import Quality


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is to be learnt.

    Attributes:
        examples: All samples, in order of name.
        teacher: The original.
        recipe: How to train.
        peak: What PSNR to the truth is relative to; None without one.
        last: Whether channels come last where shapes leave it open.
    """

    examples: Sequence[Example]
    teacher: Teacher
    recipe: Recipe
    peak: float | None = None
    last: bool = False

    @property
    def split(self) -> Split:
        """Which samples do what."""
        return split(len(self.examples))

    @property
    def parts(self) -> Parts:
        """The samples' names, by what they do."""
        places = self.split
        names = [
            tuple(self.examples[place].name for place in each)
            for each in (places.training, places.choosing, places.reporting)
        ]
        return Parts(names[0], names[1], names[2], places.apart)

    def those(self, places: Sequence[int]) -> list[Example]:
        """Some of the samples."""
        return [self.examples[place] for place in places]

    @property
    def training(self) -> list[Example]:
        """The samples that are trained on."""
        return self.those(self.split.training)

    @property
    def choosing(self) -> list[Example]:
        """The samples that tell the best step."""
        return self.those(self.split.choosing)

    @property
    def reporting(self) -> list[Example]:
        """The samples that all figures are of."""
        return self.those(self.split.reporting)

    def quality(self, made: Sequence[Arrays]) -> Quality:
        """What outputs on the samples that report are worth."""
        return quality(self.reporting, made, self.peak, last=self.last)

    def chosen_by(self, made: Sequence[Arrays]) -> float:
        """The PSNR of outputs on the samples that choose, which is to grow."""
        return psnr(self.choosing, made, self.peak)

    def reference(self) -> tuple[float, float | None] | None:
        """PSNR and SSIM of the original to the truth; None without one."""
        if self.peak is None:
            return None
        rows = [(each.truth or (), each.wanted) for each in self.reporting]
        return to_truth(rows, self.peak, last=self.last)
