"""What a support table says, once read: targets, their operators, and how they cut a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from npulint.model import Dialect, Operation
    from npulint.opsets.measures import Measure, Operand
    from npulint.opsets.vocabulary import Condition
    from npulint.opsets.witnesses import Witness
    from npulint.verdict import Status

Setting: TypeAlias = "int | bool | str"
"""What sets one target of a family apart from the next: a feature level, a flag, a name."""

CautionKind: TypeAlias = Literal["slow", "wrong", "risky"]
"""Taken at a price; taken, and other numbers come out; taken, and may fail or disappoint."""

CAUTION_KINDS: tuple[CautionKind, ...] = ("slow", "wrong", "risky")

CAUTION_WORDS: Mapping[CautionKind, str] = MappingProxyType(
    {"slow": "caution (slow)", "wrong": "caution (wrong)", "risky": "caution"}
)
"""What people read before the sentence."""

Float16Constants: TypeAlias = Literal["as-is", "look-through", "checked-through", "unpacked"]
"""What a delegate makes of float16 weights that a DEQUANTIZE turns into float32."""

FLOAT16_CONSTANTS: tuple[Float16Constants, ...] = get_args(Float16Constants)

Strategy: TypeAlias = Literal["tflite-delegate", "litert-plugin", "whole-model", "onnx-runtime"]
"""How a runtime cuts: into TFLite's epochs of accepted nodes, into LiteRT's runs of them in the
order of the file, not at all, or in the waves of ONNX Runtime."""

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

TAKEN_AS_ONE = ("gelu", "six-axes")
"""Groups of nodes that providers of ONNX Runtime may take as one: a Gelu that is written as
Erf and arithmetic; a Reshape to six axes, a Transpose and a Reshape, one axis of size 1 left where
it is."""


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How the runtime cuts a graph into pieces for this target.

    Attributes:
        strategy: Which runtime's way of cutting: `tflite-delegate`, or `litert-plugin` for a
            compiler plugin of LiteRT, or `whole-model` for what takes a model whole or not at
            all, or `onnx-runtime` for one of its providers.
        runs_on: Short name of what a piece is handed to (`nnapi`).
        max_partitions: Pieces handed over at most, None for no limit.
        min_nodes: Nodes below which a piece is not handed over.
        dynamic_tensors: `refused` when one dynamic tensor keeps the whole graph back.
        float16_constants: `look-through` when the delegate folds DEQUANTIZE of float16 weights;
            `checked-through` when moreover its check never sees a node read anything else;
            `unpacked` when it unpacks stored tensors behind DEQUANTIZE and DENSIFY by itself, and
            its check takes their results for stored.
        source: Where the runtime's rule is written down.
        quantised_units: ONNX Runtime: whether the provider takes an operator with the
            DequantizeLinear and QuantizeLinear around it as one.
        joined_too: ONNX Runtime: operators that the provider takes so beyond those that ONNX
            Runtime itself knows, each with one operand.
        taken_as_one: ONNX Runtime: groups of nodes that the provider itself takes as one, of
            `TAKEN_AS_ONE`.
        not_alone: ONNX Runtime: operators of which a piece of one node is not handed over.
        needs_input: ONNX Runtime: whether a piece that reads nothing but what is stored is not
            handed over. LiteRT: whether it cannot be compiled.
        stops: ONNX Runtime: operators that stay behind with all that follows them.
        only_behind: ONNX Runtime: operators that the provider takes only where they directly
            follow one of some others that it has taken.
        quantised_inside: ONNX Runtime: operators that the provider takes on bare uint8 only where
            the piece itself has made it.
        bodies_refused: ONNX Runtime: whether the provider takes nothing of the graphs that control
            flow runs; otherwise that is not known.
        types: LiteRT: the element types that the plugin can convert. A tensor of another, at any
            operator, keeps the whole model back; none stated, and no type does.
    """

    strategy: Strategy
    runs_on: str
    max_partitions: int | None
    min_nodes: int
    dynamic_tensors: Literal["refused", "allowed"]
    float16_constants: Float16Constants
    source: str
    quantised_units: bool = False
    joined_too: tuple[str, ...] = ()
    taken_as_one: tuple[str, ...] = ()
    not_alone: tuple[str, ...] = ()
    needs_input: bool = False
    stops: tuple[str, ...] = ()
    quantised_inside: tuple[str, ...] = ()
    only_behind: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bodies_refused: bool = False
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opsets:
    """The ONNX opsets whose models a runtime loads.

    Attributes:
        oldest: The oldest one; None where nothing is said of old ones.
        newest: The newest one; None where nothing is said of new ones.
        source: Where that is written down.
    """

    oldest: int | None
    newest: int | None
    source: str

    @property
    def range(self) -> str:
        """Which ones they are, in words."""
        if self.oldest is None:
            return f"opset {self.newest} and older"
        if self.newest is None:
            return f"opset {self.oldest} and newer"
        return f"opset {self.oldest} to {self.newest}"

    def holds(self, opset: int) -> bool:
        """Whether an opset is among them."""
        return (self.oldest or opset) <= opset <= (self.newest or opset)


@dataclass(frozen=True, slots=True)
class Rule:
    """One demand of an entry: a condition, what its failure is called, and its source.

    Attributes:
        identity: Stable name within the table (`CONV_2D/version`).
        condition: What must hold.
        when: Where the demand applies; None for everywhere on this target.
        kind: The runtime's own name for the failure, empty where it has none.
        source: Where the demand is written down.
        refuses: False where a failure leaves the verdict unknown instead of unsupported.
        note: What the demand means, where the condition alone does not tell.
    """

    identity: str
    condition: Condition
    when: Condition | None
    kind: str
    source: str
    refuses: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """A caution of an operator or a target: supported, but slow, wrong or risky.

    Attributes:
        kind: Which of the three.
        say: The caution as a sentence.
        when: Where it applies; None for everywhere on this target.
        source: Where it is written down.
        derived: Whether it follows from what its entry says elsewhere.
    """

    kind: CautionKind
    say: str
    when: Condition | None
    source: str
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Alignment:
    """A number of channels up to a multiple of which the accelerator pads feature maps.

    Attributes:
        channels: The number.
        say: What becomes of other numbers of channels, as a sentence.
        source: Where it is written down.
    """

    channels: int
    say: str
    source: str


@dataclass(frozen=True, slots=True)
class Default:
    """What the runtime does with an operator that the table has no entry for."""

    verdict: Status
    say: str
    source: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one target says about one operator.

    Attributes:
        op: Operator name in the target's dialect, or a custom operator's own.
        require: What the runtime's own check demands.
        build: What handing the operator over demands beyond that check.
        accept: Cases that the check accepts before it looks at anything else.
        cautions: Warnings that hold although the operator is taken.
        granted: Demands that this target meets whatever the operation is.
        lowering: What the accelerator is given in its place, as a sentence; empty if itself.
        source: Where the operator is dealt with.
        measures: Every fact of an operation that the entry looks at; two operations that
            agree on these get the same verdict.
        operands: The operands that the entry names.
        custom: Whether it speaks of a custom operator.
        witnesses: The integrations that the entry is pieced together from, if it is.
    """

    op: str
    require: tuple[Rule, ...]
    build: tuple[Rule, ...]
    accept: tuple[Rule, ...]
    granted: tuple[Rule, ...]
    cautions: tuple[Advice, ...]
    lowering: str
    source: str
    measures: tuple[Measure, ...]
    operands: tuple[Operand, ...]
    custom: bool = False
    witnesses: tuple[Witness, ...] = ()

    def signature(self, operation: Operation) -> tuple[object, ...]:
        """The facts of an operation that this entry's verdict hangs on."""
        return tuple([measure.read(operation) for measure in self.measures])


@dataclass(frozen=True, slots=True)
class Target:
    """One accelerator path with one support table.

    Attributes:
        name: Stable name (`nnapi-1.2+accelerator`).
        family: The table that it comes from (`nnapi`).
        title: Name for people.
        dialect: Whose operators the table speaks of.
        date: Day of the newest source, `YYYY-MM-DD`.
        level: Feature level, 0 where the family has none.
        accelerator: Whether the caller named an accelerator to the runtime.
        settings: Everything that sets this target apart within its family.
        entries: Entries by operator name; built when first asked for.
        otherwise: What happens to operators without an entry; None when the table is silent.
        partitioning: How graphs are cut; None where nothing is known of it.
        alignment: How channels are padded; None where nothing is known of it.
        cautions: Warnings about the target as a whole.
        limits: What the table cannot know, as sentences.
        sources: Every source by its short name.
        opsets: Which opsets the runtime loads; None where the table is silent, or not of ONNX.
        twin: The same target by its table for models of the other dialect; None where it has one
            table only.
    """

    name: str
    family: str
    title: str
    dialect: Dialect
    date: str
    level: int
    accelerator: bool
    settings: Mapping[str, Setting]
    entries: Mapping[str, Entry]
    otherwise: Default | None
    partitioning: Partitioning | None
    alignment: Alignment | None = None
    cautions: tuple[Advice, ...] = ()
    limits: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    opsets: Opsets | None = None
    twin: Target | None = None

    @property
    def sides(self) -> tuple[Target, ...]:
        """The target by each of its tables."""
        return (self,) if self.twin is None else (self, self.twin)

    def side(self, dialect: Dialect) -> Target:
        """The target by the table that is asked about models of a dialect.

        Where it has but one table, that is the one: its dialect may be another.
        """
        return next((each for each in self.sides if each.dialect == dialect), self)


def paired(one: Target, other: Target) -> Target | None:
    """One target of two that share a name, each with a table for models of another dialect.

    Returns:
        The side of TensorFlow Lite, with the other as its twin; None where a dialect would have
        two tables.
    """
    if one.twin or other.twin or one.dialect == other.dialect:
        return None
    first, second = (one, other) if one.dialect == "tflite" else (other, one)
    return replace(first, twin=second)
