"""Operations for entries of the GPU delegate's table, which also look at a node's neighbours."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from table_operations import Draft, Search

from npulint.model import Attribute, Graph, Node, Operation, Value
from npulint.opsets.groups import OfGroup
from npulint.opsets.measures import Measure, OfOperation
from npulint.opsets.predicates import Named

OPTIONS: Mapping[str, tuple[tuple[str, tuple[Attribute, ...]], ...]] = {
    "depth-multiplied": (("depth_multiplier", (1, 2)),),
    "one-hot-axis": (("axis", (-1, 0, 2)),),
    "slice-of-same-size": (("begin_mask", (0, 7, 15)), ("end_mask", (0, 7, 15))),
    "options-with-strides": (
        ("custom_options", (b"", struct.pack("<3i", 1, 2, 2), struct.pack("<3i", 1, 0, 2))),
    ),
    "options-with-window": (
        (
            "custom_options",
            (b"", struct.pack("<5i", 1, 2, 2, 3, 3), struct.pack("<5i", 1, 2, 2, 0, 3)),
        ),
    ),
}
"""Options that a predicate looks at, each with values to try."""

CHOICES: Mapping[str, tuple[Attribute, ...]] = {
    "fused_activation_function": ("NONE", "RELU6", "TANH", "SIGN_BIT"),
    "kernel_type": ("FULL", "BASIC"),
    **dict.fromkeys(("beta", "cell_clip", "proj_clip"), (0.0, 1.0)),
    **dict.fromkeys(("adj_x", "adj_y", "exclusive", "reverse"), (False, True)),
}
"""Options whose values are no whole numbers."""

READERS = (("CAST", "float32"), ("SELECT_V2", "float32"), ("CAST", "int32"), ("ADD", "float32"))
CONSTANT_SHAPES = (
    (),
    (1,),
    (2,),
    (3,),
    (4,),
    (2, 2),
    (3, 2),
    (1, 1, 2),
    (2, 1, 1, 2),
    (1, 1, 1, 2),
)


@dataclass
class GpuDraft(Draft):
    """A draft that may be custom, read one tensor twice, and have neighbours."""

    custom: bool = False
    twice: bool = False
    makers: int = 1
    rivals: int = 0
    readers: tuple[tuple[str, str], ...] = (("CAST", "float32"),)

    def operation(self, op: str) -> Operation:
        made = replace(super().operation(op), custom=self.custom)
        inputs = list(made.inputs)
        if self.twice and len(inputs) > 1:
            inputs[1] = inputs[0]
        made = replace(made, inputs=tuple(inputs))
        return self._placed(made) if self.counts[True] else made

    def _placed(self, made: Operation) -> Operation:
        """The operation in a graph with those that make its input and read its result."""
        count = len(made.inputs)
        outputs = tuple(
            None if value is None else replace(value, index=count + value.index)
            for value in made.outputs
        )
        values = [value or Value(0, "", None, None) for value in (*made.inputs, *outputs)]
        last = len(values)
        values += [Value(last + n, "", dtype, (1,)) for n, (_, dtype) in enumerate(self.readers)]
        nodes = [("LESS", (), (0,))] * self.makers + [("ABS", (0,), ())] * self.rivals
        nodes += [(made.op, (0,), (count,))]
        nodes += [(op, (count,), (last + n,)) for n, (op, _) in enumerate(self.readers)]
        rows = (Node(0, n, op, 1, reads, makes) for n, (op, reads, makes) in enumerate(nodes))
        graph = Graph(0, "", "tflite", tuple(values), tuple(rows), (), ())
        return replace(made, outputs=outputs, graph=graph)

    def copy(self) -> GpuDraft:
        plain = super().copy()
        fields = {name: getattr(plain, name) for name in Draft.__dataclass_fields__}
        return GpuDraft(**fields, custom=self.custom, twice=self.twice, makers=self.makers,
                        rivals=self.rivals, readers=self.readers)  # fmt: skip


class GpuSearch(Search):
    """A search that also knows sides of tensors, options of predicates, and neighbours."""

    def _start(self) -> GpuDraft:
        plain = super()._start()
        return GpuDraft(counts=plain.counts, custom=self.entry.custom)

    def _reset(self, draft: Draft, measure: Measure) -> None:
        assert isinstance(draft, GpuDraft)
        if isinstance(measure, OfGroup):
            self._reset_any(draft, {"inputs": (False,), "outputs": (True,)}.get(measure.side))
        elif isinstance(measure, Named):
            self._reset_named(draft, measure)
        else:
            super()._reset(draft, measure)

    def _reset_any(self, draft: GpuDraft, sides: tuple[bool, ...] | None = None) -> None:
        slots = [(side, n) for side in sides or (False, True) for n in range(draft.counts[side])]
        if slots:
            self._reset_slot(draft, self.random.choice(slots))

    def _reset_named(self, draft: GpuDraft, measure: Named) -> None:
        pick = self.random.choice
        name = measure.predicate.name
        for option, values in OPTIONS.get(name, ()):
            draft.attributes[option] = pick(values)
        if name == "slice-of-same-size":
            self._reset_slice(draft)
        elif name == "no-tensor-twice":
            draft.twice = not draft.twice
        elif name in ("read-by-one-float-selection", "one-in-a-chain"):
            draft.makers, draft.rivals = pick((0, 1, 1, 2)), pick((0, 0, 1))
            draft.readers = tuple(pick(READERS) for _ in range(pick((0, 1, 1, 1, 2))))
        elif measure.operands and pick((True, True, False)):
            self._reset_operand(draft, pick(measure.operands))
        else:
            self._reset_any(draft)

    def _reset_operation(self, draft: Draft, measure: OfOperation) -> None:
        value = self.random.choice(self.bounds.get(measure.phrase, (1, 2)))
        if measure.phrase == "the number of outputs":
            draft.counts[True] = max(value, 0)
        elif (
            measure.phrase.startswith("the number of") and measure.phrase != "the number of inputs"
        ):
            assert isinstance(draft, GpuDraft)
            if self.random.random() < 0.2:
                draft.counts[False] = max(value, 0)
            self._reset_any(draft, (False,))
        else:
            super()._reset_operation(draft, measure)

    def _attribute(self, name: str) -> Attribute:
        return self.random.choice(CHOICES[name]) if name in CHOICES else super()._attribute(name)

    def _reset_slice(self, draft: Draft) -> None:
        """Give begin, end and strides as many numbers each, and most often strides of 1."""
        count, step = self.random.choice((3, 4)), self.random.choice((1, 1, -1, 2))
        for place, number in enumerate((0, 4, step), start=1):
            slot = (False, place)
            draft.dtypes[slot], draft.shapes[slot] = "int32", (count,)
            draft.constants[slot] = (number,) * count

    def _reset_constant(self, draft: Draft, slot: tuple[bool, int]) -> None:
        pick = self.random.choice
        draft.dtypes[slot] = pick(("int32", "int32", "float32", "float32", "int64", "int8"))
        draft.shapes[slot] = shape = pick(CONSTANT_SHAPES)
        count = 1
        for size in shape:
            count *= size
        mixed = tuple(pick((0, 1, 2, -1)) for _ in range(count))
        draft.constants[slot] = pick(((0,) * count, (1,) * count, mixed))
