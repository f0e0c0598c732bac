"""Situations of a node within its graph, for what was observed on phones.

A table's conditions look at one operation. What a phone was seen to do hangs on the neighbours
too: a convolution that reads what a concatenation makes. The words are few and closed: `made_by`,
`read_by`, `after` and `before` beside the conditions of tables, joined by `all`, `any` and `not`;
for whole models see `npulint.opsets.circumstances`. Each evaluates itself and says itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeAlias, TypeVar

from npulint.opsets.relations import listed
from npulint.opsets.vocabulary import Truth, conjunction

if TYPE_CHECKING:
    import networkx as nx

    from npulint.model import Dialect, Graph, Operation
    from npulint.opsets.measures import Operand
    from npulint.opsets.vocabulary import Condition

TYPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"float": frozenset({"float32", "float16"}), "8-bit": frozenset({"int8", "uint8"})}
)
"""Kinds of networks as papers name them, and the element types of their activations."""

At = TypeVar("At")
Asked_contra = TypeVar("Asked_contra", contravariant=True)


class Clause(Protocol[Asked_contra]):
    """Something that holds at a place or of a model, fails there, or cannot be known."""

    def test(self, at: Asked_contra) -> Truth:
        """Whether it holds; None where that cannot be known."""

    def clause(self) -> str:
        """What holds, as a clause of a sentence."""


class Scene:
    """A graph as the target's dialect sees it: each node as the operations that stand for it."""

    def __init__(self, graph: Graph, dialect: Dialect) -> None:
        """Look at a graph; nothing is computed before it is asked for."""
        self.graph = graph
        self._same = graph.dialect == dialect

    def operations(self, index: int) -> tuple[Operation, ...] | None:
        """What a node is to the target; None where no conversion is known."""
        if self._same:
            return (self.graph.operation(self.graph.nodes[index]),)
        if self.graph.dialect != "onnx":
            return None
        from npulint.operators import lower_graph

        lowering = lower_graph(self.graph)[index]
        return lowering.operations if lowering.known else None

    def names(self, index: int) -> frozenset[str] | None:
        """Names of a node's operations, found without looking at its operands."""
        node = self.graph.nodes[index]
        if self._same:
            return frozenset() if node.custom else frozenset((node.op,))
        operations = self.operations(index)
        return None if operations is None else frozenset(each.op for each in operations)

    def spots(self, index: int) -> Iterator[Spot]:
        """A node's operations, each with its place."""
        for operation in self.operations(index) or ():
            if not operation.custom:
                yield Spot(self, index, operation)

    def makers(self, index: int, values: Iterable[int] | None = None) -> Iterator[int]:
        """The nodes whose results a node reads, or those that make some of its values."""
        wanted = None if values is None else set(values)
        for maker, _, (value, _) in self._network.in_edges(index, keys=True):
            if wanted is None or value in wanted:
                yield from self._seen(maker, self.makers)

    def readers(self, index: int) -> Iterator[int]:
        """The nodes that read a node's results."""
        for _, reader in self._network.out_edges(index):
            yield from self._seen(reader, self.readers)

    def within(self, index: int, steps: int, *, upstream: bool) -> Iterator[int]:
        """The nodes at most some steps before or after a node."""
        step = self.makers if upstream else self.readers
        reached = {index}
        rim = [index]
        for _ in range(steps):
            rim = [other for each in rim for other in step(each) if other not in reached]
            rim = list(dict.fromkeys(rim))
            reached.update(rim)
            yield from rim

    @property
    def _network(self) -> nx.MultiDiGraph[int]:
        return self.graph.network

    def _seen(self, index: int, beyond: _Step) -> Iterator[int]:
        """The node itself, or where nothing is left of it in a conversion what lies beyond."""
        if self.operations(index) == ():
            yield from beyond(index)
        else:
            yield index


@dataclass(frozen=True, slots=True)
class Spot:
    """One operation at its place in a graph."""

    scene: Scene
    index: int
    operation: Operation


class _Step(Protocol):
    def __call__(self, index: int) -> Iterator[int]: ...


Situation: TypeAlias = "Clause[Spot]"


@dataclass(frozen=True, slots=True)
class Here:
    """A table's condition on the operation itself."""

    condition: Condition

    def test(self, at: Spot) -> Truth:
        """Ask the condition."""
        return self.condition.test(at.operation)

    def clause(self) -> str:
        """The condition's own words."""
        return self.condition.clause("is")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Operators of some names, of one kind of network, in one situation.

    Attributes:
        ops: Operator names in the target's dialect.
        type: A key of `TYPES`: what the operands computed at run time are; None for all.
        when: The situation; None for all.
    """

    ops: tuple[str, ...]
    type: str | None
    when: Situation | None

    def test(self, at: Spot) -> Truth:
        """Whether the operation at a place is meant."""
        if at.operation.op not in self.ops or at.operation.custom:
            return False
        return conjunction(self._parts(at))

    def clause(self) -> str:
        """`CONV_2D in float, where ...`."""
        words = listed(self.ops, "or")
        if self.type is not None:
            words += f" in {self.type}"
        return words if self.when is None else f"{words}, where {self.when.clause()}"

    def _parts(self, at: Spot) -> Iterator[Truth]:
        if self.type is not None:
            yield _is_of(at.operation, TYPES[self.type])
        if self.when is not None:
            yield self.when.test(at)


def _is_of(operation: Operation, types: frozenset[str]) -> Truth:
    """Whether an operand that is computed at run time has one of some types."""
    given = [value for value in operation.inputs if value is not None and value.constant is None]
    if any(value.dtype in types for value in given):
        return True
    return None if any(value.dtype is None for value in given) else False


Word: TypeAlias = Literal["made_by", "read_by", "after", "before"]

WORDS: tuple[Word, ...] = ("made_by", "read_by", "after", "before")
"""Words for where another operator stands."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An operator nearby.

    Attributes:
        word: Where it stands: it makes an input, reads a result, or comes some steps before or
            after.
        pattern: What it is.
        operand: The input that it makes, for `made_by`; None for any.
        steps: How far away it may be, for `after` and `before`.
    """

    word: Word
    pattern: Pattern
    operand: Operand | None = None
    steps: int = 1

    def test(self, at: Spot) -> Truth:
        """Whether there is one; unknown where only a node of unknown conversion might be it."""
        result: Truth = False
        for spot in self._candidates(at):
            truth = None if spot is None else self.pattern.test(spot)
            if truth is True:
                return True
            if truth is None:
                result = None
        return result

    def clause(self) -> str:
        """`input is made by CONCATENATION`."""
        subject = "an input" if self.operand is None else self.operand.name
        steps = f"{self.steps} step{'s' if self.steps > 1 else ''}"
        words = {
            "made_by": f"{subject} is made by",
            "read_by": "a result is read by",
            "after": f"it comes at most {steps} after",
            "before": f"it comes at most {steps} before",
        }[self.word]
        inner = self.pattern.clause()
        return f"{words} {f'({inner})' if ', where ' in inner else inner}"

    def _candidates(self, at: Spot) -> Iterator[Spot | None]:
        """Operations that stand where the word says; None for one that nobody knows."""
        scene = at.scene
        for index in self._places(at):
            if scene.operations(index) is None:
                yield None
            yield from scene.spots(index)
        if self.word in {"after", "before"}:
            # One node of another dialect may stand for several operations.
            yield from (s for s in scene.spots(at.index) if s.operation is not at.operation)

    def _places(self, at: Spot) -> Iterator[int]:
        scene, index = at.scene, at.index
        if self.word == "made_by":
            return scene.makers(index, self._values(at))
        if self.word == "read_by":
            return scene.readers(index)
        return scene.within(index, self.steps, upstream=self.word == "after")

    def _values(self, at: Spot) -> tuple[int, ...] | None:
        """The value meant; None for any where a conversion has put another in its place."""
        if self.operand is None:
            return None
        value = self.operand.find(at.operation)
        if value is None:
            return ()
        return (value.index,) if value.index in at.scene.graph.nodes[at.index].inputs else None


@dataclass(frozen=True, slots=True)
class Every(Generic[At]):
    """Holds where every part does."""

    parts: tuple[Clause[At], ...]

    def test(self, at: At) -> Truth:
        """Fails where any part fails, whatever is unknown of the others."""
        return conjunction(part.test(at) for part in self.parts)

    def clause(self) -> str:
        """`A and B`."""
        return listed([part.clause() for part in self.parts], "and")


@dataclass(frozen=True, slots=True)
class Some(Generic[At]):
    """Holds where at least one part does."""

    parts: tuple[Clause[At], ...]

    def test(self, at: At) -> Truth:
        """Holds where any part holds, whatever is unknown of the others."""
        none = conjunction(opposite(part.test(at)) for part in self.parts)
        return opposite(none)

    def clause(self) -> str:
        """`A or B`."""
        return listed([part.clause() for part in self.parts], "or")


@dataclass(frozen=True, slots=True)
class Unless(Generic[At]):
    """Holds where its part does not."""

    part: Clause[At]

    def test(self, at: At) -> Truth:
        """The opposite."""
        return opposite(self.part.test(at))

    def clause(self) -> str:
        """`it is not that A`."""
        return f"it is not that {self.part.clause()}"


def opposite(truth: Truth) -> Truth:
    """Not, where unknown stays unknown."""
    return None if truth is None else not truth
