"""Operations made from a table entry's own conditions: one that meets all, one that breaks each.

A local search: start anywhere, and as long as a condition is not as wanted, give new values to
the facts that it looks at. Values are drawn from the bounds that the entry's conditions name and
from what lies just beside them.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from npulint.model import Attribute, Constant, Operation, Quantisation, Value
from npulint.opsets.measures import (
    AttributeOf,
    AttributeProduct,
    EachElement,
    Measure,
    OfOperand,
    OfOperation,
    Operand,
    Presence,
    ScaleProduct,
)
from npulint.opsets.predicates import Named
from npulint.opsets.table import Entry, Rule
from npulint.opsets.vocabulary import All, AnyOf, Compare, Condition, Never, Opposite

DTYPES = ("float32", "uint8", "int8", "int32", "int64", "float16", "bool", "int16")
ATTRIBUTES: Mapping[str, tuple[Attribute, ...]] = {
    "fused_activation_function": ("NONE", "RELU", "RELU6", "TANH"),
    "padding": ("SAME", "VALID", "UNKNOWN"),
    "weights_format": ("DEFAULT", "SHUFFLED4x16INT8"),
    "output_type": ("int32", "int64"),
    "keep_num_dims": (False, True),
    "align_corners": (False, True),
    "half_pixel_centers": (False, True),
    "squeeze_dims": ((), (0,)),
    "new_shape": ((), (0,), (4, 2)),
    "mode": ("REFLECT", "SYMMETRIC", "UNKNOWN"),
    "type": ("SPARSE", "DENSE", "UNKNOWN"),
}
STEPS = 10_000


@dataclass
class Draft:
    """An operation in the making: everything that may be given another value."""

    version: int = 1
    counts: dict[bool, int] = field(default_factory=dict)
    dtypes: dict[tuple[bool, int], str] = field(default_factory=dict)
    shapes: dict[tuple[bool, int], tuple[int, ...]] = field(default_factory=dict)
    constants: dict[tuple[bool, int], tuple[int, ...] | None] = field(default_factory=dict)
    scales: dict[tuple[bool, int], tuple[tuple[float, ...], int]] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    omitted: set[tuple[bool, int]] = field(default_factory=set)

    def operation(self, op: str) -> Operation:
        return Operation(
            "tflite", op, self.version, self._values(False), self._values(True), self.attributes
        )

    def _values(self, output: bool) -> tuple[Value | None, ...]:
        slots = ((output, place) for place in range(self.counts[output]))
        return tuple(None if slot in self.omitted else self._value(slot) for slot in slots)

    def copy(self) -> Draft:
        return Draft(
            self.version,
            dict(self.counts),
            dict(self.dtypes),
            dict(self.shapes),
            dict(self.constants),
            dict(self.scales),
            dict(self.attributes),
            set(self.omitted),
        )

    def _value(self, slot: tuple[bool, int]) -> Value:
        dtype = self.dtypes.get(slot, "float32")
        shape = self.shapes.get(slot, (1, 4, 4, 2))
        stored = self.constants.get(slot)
        constant = None
        if stored is not None:
            payload = b"".join(struct.pack(_code(dtype), number) for number in stored)
            constant = Constant(dtype, shape, payload, None, len(payload))
        scales, zero_point = self.scales.get(slot, ((), 0))
        quantisation = Quantisation(scales, (zero_point,) * len(scales)) if scales else None
        return Value(slot[1], "", dtype, shape, constant, quantisation)


class Search:
    """Looks for operations of one entry."""

    def __init__(self, entry: Entry, seed: int = 0) -> None:
        self.entry = entry
        self.random = random.Random(f"{entry.op} {seed}")
        rules = (*entry.require, *entry.build)
        self.rules = tuple(rule for rule in rules if not isinstance(rule.condition, Never))
        self.bounds = dict(_bounds(self.rules))

    def meeting_all(self) -> Operation | None:
        """An operation that every rule is content with, but for those that nothing meets."""
        return self._find(None)

    def breaking(self, rule: Rule) -> tuple[Operation, bool] | None:
        """An operation that breaks a rule, and whether it meets all the others."""
        found = self._find(rule)
        return (found, True) if found is not None else self._alone(rule)

    def meeting_also(self, condition: Condition) -> Operation | None:
        """An operation that every rule is content with and that meets a condition besides."""
        extra = Rule("also", condition, None, "", "")
        self.bounds = dict(_bounds((*self.rules, extra)))
        return self._find(None, (*self.rules, extra))

    def _alone(self, rule: Rule) -> tuple[Operation, bool] | None:
        for others in ((), tuple(each for each in self.rules if each.kind != rule.kind)):
            found = self._find(rule, others)
            if found is not None:
                return found, False
        return None

    def _find(
        self, broken: Rule | None, others: tuple[Rule, ...] | None = None
    ) -> Operation | None:
        rules = self.rules if others is None else (*others, *([broken] if broken else []))
        draft = self._start()
        wrong = self._wrong(draft.operation(self.entry.op), rules, broken)
        for _ in range(STEPS):
            if not wrong:
                return draft.operation(self.entry.op)
            trial = draft.copy()
            self._change(trial, self.random.choice(wrong)[0])
            found = self._wrong(trial.operation(self.entry.op), rules, broken)
            if _distance(found) <= _distance(wrong) or self.random.random() < 0.05:
                draft, wrong = trial, found
        return None

    def _wrong(
        self, operation: Operation, rules: tuple[Rule, ...], broken: Rule | None
    ) -> list[tuple[Rule, int]]:
        """The rules that are not as wanted, each with how far off it is."""
        wrong = [
            (rule, 1) for rule in rules if rule is not broken and not _contents(rule, operation)
        ]
        if broken not in self.entry.build:
            wrong += [(rule, 1) for rule in self.entry.accept if rule.condition.test(operation)]
        if broken is not None:
            away = _missing(broken.when, operation) + (
                broken.condition.test(operation) is not False
            )
            wrong += [(broken, away)] if away else []
        return wrong

    def _start(self) -> Draft:
        draft = Draft(counts={False: 1, True: 1})
        for operand in self.entry.operands:
            draft.counts[operand.output] = max(
                draft.counts[operand.output], operand.position + 1 + operand.rest
            )
        return draft

    def _change(self, draft: Draft, rule: Rule) -> None:
        conditions = [rule.condition] + ([rule.when] if rule.when is not None else [])
        measures = [measure for each in conditions for measure in each.measures()]
        measure = self.random.choice(measures)
        self._reset(draft, measure)

    def _reset(self, draft: Draft, measure: Measure) -> None:
        if isinstance(measure, Named):
            if measure.operands:
                self._reset_operand(draft, self.random.choice(measure.operands))
            draft.attributes["new_shape"] = self.random.choice(ATTRIBUTES["new_shape"])
        elif isinstance(measure, Presence):
            draft.omitted ^= {(measure.operand.output, measure.operand.position)}
        elif isinstance(measure, (OfOperand, EachElement)):
            self._reset_operand(draft, measure.operand)
        elif isinstance(measure, ScaleProduct):
            for operand in measure.factors:
                self._reset_operand(draft, operand)
        elif isinstance(measure, AttributeOf):
            draft.attributes[measure.name] = self._attribute(measure.name)
        elif isinstance(measure, AttributeProduct):
            for factor in measure.factors:
                draft.attributes[factor.name] = self.random.choice((1, 2, 16, 20))
        elif isinstance(measure, OfOperation):
            self._reset_operation(draft, measure)

    def _reset_operation(self, draft: Draft, measure: OfOperation) -> None:
        choices = self.bounds.get(measure.phrase, (1, 2))
        if measure.phrase == "the number of inputs":
            # Whoever loses a named operand must be able to get it back.
            choices = tuple(dict.fromkeys((*choices, self._start().counts[False])))
        value = self.random.choice(choices)
        if measure.many:
            slots = [(output, n) for output, count in draft.counts.items() for n in range(count)]
            self._reset_slot(draft, self.random.choice(slots))
        elif measure.phrase == "the operator version":
            draft.version = value
        elif measure.phrase == "the number of inputs":
            draft.counts[False] = max(value, 0)
        else:
            raise AssertionError(measure.phrase)

    def _attribute(self, name: str) -> Attribute:
        choices = ATTRIBUTES.get(name) or self.bounds.get(name, (0, 1, 2))
        return self.random.choice((*choices, *self.bounds.get(name, ())))

    def _reset_operand(self, draft: Draft, operand: Operand) -> None:
        count = draft.counts[operand.output]
        places = range(operand.position, count) if operand.rest else (operand.position,)
        for place in places:
            self._reset_slot(draft, (operand.output, place))

    def _reset_slot(self, draft: Draft, slot: tuple[bool, int]) -> None:
        pick = self.random.choice
        match pick(("dtype", "shape", "constant", "scale")):
            case "dtype":
                draft.dtypes[slot] = pick(DTYPES)
                draft.constants[slot] = None
            case "shape":
                size = pick(range(7))
                sizes = (0, 1, 2, 2, 3, 4, *self._sizes())
                draft.shapes[slot] = tuple(pick(sizes) for _ in range(size))
                draft.constants[slot] = None
            case "constant":
                self._reset_constant(draft, slot)
            case _:
                scales = pick(((), (0.0,), (0.5,), (0.0078125,), (0.00048828125,), (0.5, 0.25)))
                draft.scales[slot] = (scales, pick((0, 0, 128, -128, 3)))

    def _sizes(self) -> tuple[int, ...]:
        """Sizes that conditions on one axis name."""
        axes = (numbers for fact, numbers in self.bounds.items() if "on ax" in fact)
        return tuple(number for numbers in axes for number in numbers if number >= 0)

    def _reset_constant(self, draft: Draft, slot: tuple[bool, int]) -> None:
        pick = self.random.choice
        draft.dtypes[slot] = pick(("int32", "int64", "uint8", "float32"))
        whole = draft.dtypes[slot] != "uint8"
        numbers = (0, 1, 2, 4, -1) if whole else (0, 1)
        if draft.dtypes[slot] == "int64":
            numbers = (0, 1, 2**31, -(2**31) - 1)
        filters = ((3, 1, 1, 2),) if any("on axis 3" in fact for fact in self.bounds) else ()
        shape = pick(((), (1,), (2,), (4,), (2, 2), (2, 1), (0,), *filters))
        count = 1
        for size in shape:
            count *= size
        draft.shapes[slot] = shape
        draft.constants[slot] = tuple(pick(numbers) for _ in range(count))
        if pick((True, False)):
            draft.constants[slot] = (0,) * count


def _distance(wrong: list[tuple[Rule, int]]) -> int:
    return sum(away for _, away in wrong)


def _contents(rule: Rule, operation: Operation) -> bool:
    """Whether a rule has nothing against an operation."""
    if rule.when is not None and rule.when.test(operation) is False:
        return True
    return rule.condition.test(operation) is True


def _missing(condition: Condition | None, operation: Operation) -> int:
    """How many parts of a condition do not hold."""
    if condition is None:
        return 0
    if isinstance(condition, All):
        return sum(_missing(part, operation) for part in condition.parts)
    return condition.test(operation) is not True


def _bounds(rules: tuple[Rule, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """By the words for each fact: the numbers that it is compared with, and their neighbours."""
    found: dict[str, set[int]] = {}
    for rule in rules:
        for condition in (rule.condition, rule.when):
            for compare in _compares(condition):
                bound = compare.bound if isinstance(compare.bound, tuple) else (compare.bound,)
                whole = [each for each in bound if isinstance(each, int)]
                phrase = compare.measure.phrase
                near = {n + step for n in whole for step in (-1, 0, 1)}
                found.setdefault(phrase, set()).update(near)
    for phrase, numbers in found.items():
        yield phrase, tuple(sorted(numbers)) or (0, 1)


def _compares(condition: Condition | None) -> Iterator[Compare]:
    if isinstance(condition, Compare):
        yield condition
    elif isinstance(condition, (All, AnyOf)):
        for part in condition.parts:
            yield from _compares(part)
    elif isinstance(condition, Opposite):
        yield from _compares(condition.part)


def _code(dtype: str) -> str:
    codes = {"float32": "f", "float16": "e", "bool": "?", "uint8": "B", "int8": "b", "int16": "h"}
    return "<" + codes.get(dtype, "i" if dtype == "int32" else "q")
