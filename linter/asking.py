"""Whom to ask about each model: whom the caller names, the settings, or else the default."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from npulint import opsets
from npulint.errors import UsageError
from npulint.opsets.table import Target

if TYPE_CHECKING:
    from npulint.config.settings import Section, Settings
    from npulint.model import Model
    from npulint.opsets.profile import Device
    from npulint.sizing.wishes import InputShapes

Made = TypeVar("Made")

DEFAULT_TARGETS = ("nnapi-1.2", "nnapi-1.3", "neuron", "hexagon-nn", "qnn-htp-v75", "hiai")
"""Asked when the user names none; `hexagon-nn` only for quantised .tflite models."""

_ONLY_QUANTISED_TFLITE = "hexagon-nn"


@dataclass(frozen=True, slots=True)
class Question:
    """Whom to ask about one model, and what to look for.

    Attributes:
        targets: Whom.
        assumed: Whether nobody named them.
        section: What else is wanted; None for every rule as it is.
        shapes: Sizes of inputs that the file leaves open, by their names.
        configured: The configuration that states these sizes; empty where the caller does.
    """

    targets: tuple[Target | Device, ...]
    assumed: bool
    section: Section | None
    shapes: InputShapes
    configured: str

    def in_its_words(self, complaint: str) -> str:
        """A complaint about sizes, by the key of the configuration that states them."""
        if not self.configured:
            return complaint
        said = complaint.replace("--input-shape ", "input-shapes ", 1)
        return f"as {self.configured} says: {said}"

    def asked(self, model: Model) -> tuple[Target | Device, ...]:
        """Those to ask: a default only where it suits the model or a share of it is demanded."""
        demanded = {name for name, _ in self.section.min_coverage} if self.section else ()
        return tuple(
            each
            for each in self.targets
            if not self.assumed or _fits(each, model) or each.name in demanded
        )


class Asking:
    """Whom to ask in one run, model by model. Each table is loaded once.

    Args:
        named: Names of targets and devices, or paths of table and profile files, that the caller
            wants to be asked, whatever the settings say.
        settings: What may name them otherwise.
        shapes: Sizes of inputs that the caller states, whatever the settings say.

    Raises:
        TargetError: A target is not known.
        TableError: A table file or a profile is faulty.
    """

    def __init__(
        self, named: Sequence[str], settings: Settings | None, shapes: InputShapes
    ) -> None:
        self._named = tuple(named)
        self._shapes = shapes
        self._settings = settings
        self._loaded: dict[tuple[str, ...], tuple[Target | Device, ...]] = {}
        self._configured: dict[str, None] = {}
        self._sized: dict[str, None] = {}
        self._assumed = False
        if self._named:  # whatever is wrong with them is said before any model is read
            self._load(self._named)

    def travelling(self, make: Callable[[Asking], Made]) -> Callable[[], Made]:
        """Something that makes, in another process, what is made of such an asking in this one."""
        return partial(_made, make, self._named, self._settings, self._shapes)

    def about(self, path: Path) -> Question:
        """Whom to ask about a model of some path, and what to look for."""
        names = self._names(path)
        targets = self._load(names)
        self._assumed = self._assumed or not names
        if names and not self._named:
            self._configured |= dict.fromkeys(each.name for each in targets)
        section = None if self._settings is None else self._settings.of(path)
        shapes, configured = self._shapes, ""
        if not shapes and section is not None and section.input_shapes:
            shapes, configured = section.input_shapes, self._configuration
            self._sized |= dict.fromkeys(_told(shapes))
        return Question(targets, not names, section, shapes, configured)

    def notes(self) -> tuple[str, ...]:
        """Who was asked without being named by the caller, in sentences."""
        said = []
        if self._configured:
            names = ", ".join(self._configured)
            said.append(f"these were asked, as {self._configuration} says: {names}")
        if self._assumed:
            names = ", ".join(each.name for each in self._loaded[()])
            said.append(f"no target was named, so these were asked: {names}")
        if self._shapes:
            sizes = ", ".join(_told(self._shapes))
            said.append(f"inputs are taken at the sizes asked for: {sizes}")
        if self._sized:
            sizes = ", ".join(self._sized)
            said.append(f"inputs are taken at the sizes that {self._configuration} states: {sizes}")
        return tuple(said)

    @property
    def _configuration(self) -> str:
        path = None if self._settings is None else self._settings.path
        return "the configuration" if path is None else path.name

    def _names(self, path: Path) -> tuple[str, ...]:
        if self._named or self._settings is None:
            return self._named
        return self._settings.of(path).targets or ()

    def _load(self, names: tuple[str, ...]) -> tuple[Target | Device, ...]:
        if names not in self._loaded:
            self._loaded[names] = _load_targets(names)
        return self._loaded[names]


def _told(shapes: InputShapes) -> Iterator[str]:
    from npulint.sizing.wishes import asked

    return map(asked, shapes.items())


def _made(
    make: Callable[[Asking], Made],
    named: Sequence[str],
    settings: Settings | None,
    shapes: InputShapes,
) -> Made:
    return make(Asking(named, settings, shapes))


def _load_targets(names: Sequence[str]) -> tuple[Target | Device, ...]:
    if not names:
        # A default whose table is at fault is asked for all the same, and says so.
        survey = opsets.survey()
        known = {*survey.names, *(name for fault in survey.faults for name in fault.names)}
        names = [name for name in DEFAULT_TARGETS if name in known]
    chosen: dict[str, tuple[str, Target | Device]] = {}
    for name in dict.fromkeys(names):
        found = opsets.find(name)
        if found.name in chosen:
            first, one = chosen[found.name]
            found = _paired(one, found, f"{first} and {name}")
        chosen[found.name] = name, found
    return tuple(found for _, found in chosen.values())


def _paired(one: Target | Device, other: Target | Device, both: str) -> Target:
    """One target of two tables of the user's, whose dialects tell which one a model is for."""
    if isinstance(one, Target) and isinstance(other, Target):
        target = opsets.paired(one, other)
        if target is not None:
            return target
    raise UsageError(f"{both} are both called {one.name!r}: ask for one at a time")


def _fits(target: Target | Device, model: Model) -> bool:
    if target.name != _ONLY_QUANTISED_TFLITE:
        return True
    return model.dialect == "tflite" and any(
        value.quantisation is not None for graph in model.graphs for value in graph.values
    )
