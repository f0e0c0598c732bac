"""Saying of which targets of a family something holds, by the settings that set them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.opsets.table import Setting, Target

EVERYWHERE = ""


@dataclass(frozen=True)
class Family:
    """The targets of a table and the words for what sets them apart.

    Attributes:
        targets: All of them, in the table's order.
        wordings: What each setting is called.
        titles: Names for people of a level's values.
    """

    targets: Sequence[Target]
    wordings: Mapping[str, str]
    titles: Mapping[int, str]

    def where(self, names: Sequence[str]) -> str:
        """Say which targets some are: empty for all, by settings if they can say it, or listed."""
        chosen = [target for target in self.targets if target.name in names]
        if len(chosen) == len(self.targets):
            return EVERYWHERE
        kept = {
            setting: _distinct(target.settings[setting] for target in chosen)
            for setting in self.wordings
        }
        if self._count(kept) != len(chosen):
            return ", ".join(target.name for target in chosen)
        said = (self._one(setting, values) for setting, values in kept.items())
        return ", ".join(filter(None, said))

    def _count(self, kept: Mapping[str, Sequence[Setting]]) -> int:
        """How many targets have all their settings among some values."""
        combinations = set(product(*kept.values()))
        own = (tuple(target.settings[each] for each in kept) for target in self.targets)
        return sum(settings in combinations for settings in own)

    def _one(self, setting: str, values: Sequence[Setting]) -> str:
        known = _distinct(target.settings[setting] for target in self.targets)
        if len(values) == len(known):
            return EVERYWHERE
        wording = self.wordings[setting]
        if all(isinstance(value, bool) for value in known):
            return f"{'with' if values[0] else 'without'} {wording}"
        first, last = known.index(values[0]), known.index(values[-1])
        if all(isinstance(value, int) for value in known) and last - first + 1 == len(values):
            return self._span(setting, values, from_start=first == 0, to_end=last + 1 == len(known))
        return " or ".join(self._title(setting, value) for value in values)

    def _span(
        self, setting: str, values: Sequence[Setting], *, from_start: bool, to_end: bool
    ) -> str:
        first, last = (self._title(setting, value) for value in (values[0], values[-1]))
        if first == last:
            return first
        if to_end:
            return f"from {first} on"
        return f"up to {last}" if from_start else f"{first} to {last}"

    def _title(self, setting: str, value: Setting) -> str:
        if setting == "level" and isinstance(value, int) and value in self.titles:
            return self.titles[value]
        return f"{self.wordings[setting]} {value}"


def _distinct(values: Iterable[Setting]) -> list[Setting]:
    """Values without repetition, in order; numbers by size, whatever order the table has."""
    found = list(dict.fromkeys(values))
    numbers = [value for value in found if isinstance(value, int)]
    return sorted(numbers) if len(numbers) == len(found) else found
