"""What a target makes of one node: supported, unsupported or unknown, and every reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from npulint.model import Graph, Operation
    from npulint.operators.lowering import Lowering
    from npulint.opsets.table import Advice, CautionKind, Entry, Partitioning, Rule, Target
    from npulint.opsets.vocabulary import Truth

Status: TypeAlias = Literal["supported", "unsupported", "unknown"]
Validation: TypeAlias = Literal["accepted", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition that failed, or that could not be decided.

    Attributes:
        constraint: Stable identity of the condition within its table (`TRANSPOSE_CONV/since`).
        message: A sentence: the condition, the value found and what is accepted.
        source: Where the condition is written down.
        kind: The runtime's own name for the failure, where its code has one.
    """

    constraint: str
    message: str
    source: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Caution:
    """Supported, but slow, wrong or risky there.

    Attributes:
        kind: Which of the three.
        message: A sentence.
        source: Where it is written down.
        general: Whether it holds of all models there are, and not of this one in particular.
    """

    kind: CautionKind
    message: str
    source: str
    general: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """One node on one target.

    Attributes:
        status: What will happen to the node.
        validation: What the runtime's own check says; differs from `status` where a check
            accepts what cannot be built.
        reasons: Every failing condition when refused; every undecided one when unknown.
        cautions: Warnings that hold although the node is taken.
    """

    status: Status
    validation: Validation
    reasons: tuple[Reason, ...] = ()
    cautions: tuple[Caution, ...] = ()


_Parts: TypeAlias = "list[tuple[str, Verdict]]"


def judge(operation: Operation, target: Target) -> Verdict:
    """Judge one operator on one target.

    Args:
        operation: The operator with its operands: real, or made up to ask.
        target: The target. One of its tables must speak the operation's dialect for the answer to
            be known.

    Returns:
        The verdict, with every condition that fails, not only the first.
    """
    target = target.side(operation.dialect)
    if operation.dialect != target.dialect:
        message = (
            f"the table speaks of {target.dialect} operators, this one is of {operation.dialect}, "
            "and no conversion is known"
        )
        return _unknown("dialect", message, _table(target))
    entry = target.entries.get(operation.op)
    if entry is not None and entry.custom is not operation.custom:
        entry = None
    return _unlisted(operation.op, target) if entry is None else _judged(entry, operation)


def judge_graph(graph: Graph, target: Target) -> tuple[Verdict, ...]:
    """Judge every node of a graph.

    A graph of another dialect is judged by the operators that a converter makes of it, see
    `npulint.operators.lower_graph`; one for a provider of ONNX Runtime by what that shows of it,
    see `npulint.ort`.

    Returns:
        One verdict a node, in their order.
    """
    target = target.side(graph.dialect)
    memory = Memory(target)
    if graph.dialect == target.dialect:
        rules = target.partitioning
        if rules is not None and rules.strategy == "onnx-runtime":
            return _provided(graph, target, rules)
        if rules is not None and rules.float16_constants == "unpacked":
            from npulint.unpacked import judge_unpacked

            return judge_unpacked(graph, target)
        verdicts = tuple([memory.judge(graph.operation(node)) for node in graph.nodes])
        if rules is None or rules.float16_constants != "checked-through":
            return verdicts
        from npulint.float16 import see_through

        return see_through(graph, verdicts, target)
    if graph.dialect != "onnx" or target.dialect != "tflite":
        return tuple([judge(graph.operation(node), target) for node in graph.nodes])
    from npulint.operators import lower_graph

    return tuple([_converted(lowering, memory) for lowering in lower_graph(graph)])


def _provided(graph: Graph, target: Target, rules: Partitioning) -> tuple[Verdict, ...]:
    """What a provider of ONNX Runtime makes of each node."""
    if graph.kind == "body" and rules.bodies_refused:
        message = "the provider takes nothing of the graphs that If, Loop and Scan run"
        refused = Verdict("unsupported", "refused", (Reason("body", message, rules.source),))
        return (refused,) * len(graph.nodes)
    from npulint.shown import show

    judged = show(graph, target).judged
    if graph.kind != "body":
        return judged
    message = "whether the provider takes the graphs that If, Loop and Scan run is not known"
    left_open = Verdict("unknown", "unknown", (Reason("body", message, rules.source),))
    return tuple(left_open if each.status == "supported" else each for each in judged)


class Memory:
    """A target that remembers its verdicts by the facts that they hang on.

    Large graphs repeat few forms.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._known: dict[str, tuple[Entry | None, dict[object, Verdict]]] = {}
        self._joined: dict[tuple[tuple[str, int], ...], tuple[Verdict, _Parts]] = {}

    def judge(self, operation: Operation) -> Verdict:
        """The verdict on one operation; see `npulint.verdict.judge`."""
        op = operation.op
        if operation.custom:
            return judge(operation, self._target)
        known = self._known.get(op)
        if known is None:
            known = self._known[op] = (self._target.entries.get(op), {})
        entry, verdicts = known
        facts = () if entry is None else entry.signature(operation)
        verdict = verdicts.get(facts)
        if verdict is None:
            verdict = verdicts[facts] = judge(operation, self._target)
        return verdict

    def join(self, parts: _Parts) -> Verdict:
        """One verdict for the operators that stand for one node."""
        form = tuple([(op, id(verdict)) for op, verdict in parts])
        known = self._joined.get(form)
        if known is None:
            # The parts are kept with the answer, so that no other object can take their place.
            known = self._joined[form] = (_joined(parts), parts)
        return known[0]


def _judged(entry: Entry, operation: Operation) -> Verdict:
    outright = _any(rule.condition.test(operation) for rule in entry.accept)
    failing, undecided = _sorted_out(entry.require, operation)
    if outright is True:
        failing = undecided = ()
    elif outright is None and failing:
        failing, undecided = (), (*failing, *undecided)
    if failing:
        return Verdict("unsupported", "refused", tuple(_reasons(failing, operation)))
    if undecided:
        return Verdict("unknown", "unknown", tuple(_doubts(undecided, operation)))
    cautions = tuple(_cautions(entry.cautions, operation))
    failing, undecided = _sorted_out(entry.build, operation)
    if failing:
        return Verdict("unsupported", "accepted", tuple(_reasons(failing, operation)), cautions)
    if undecided:
        return Verdict("unknown", "accepted", tuple(_doubts(undecided, operation)), cautions)
    return Verdict("supported", "accepted", cautions=cautions)


def _sorted_out(
    rules: tuple[Rule, ...], operation: Operation
) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """The rules that an operation breaks, and those that cannot be decided."""
    failing: list[Rule] = []
    undecided: list[Rule] = []
    for rule in rules:
        applies = True if rule.when is None else rule.when.test(operation)
        if applies is False:
            continue
        truth = rule.condition.test(operation)
        if truth is True:
            continue
        certain = applies is True and truth is False and rule.refuses
        (failing if certain else undecided).append(rule)
    return tuple(failing), tuple(undecided)


def _reasons(rules: tuple[Rule, ...], operation: Operation) -> Iterator[Reason]:
    from npulint.opsets.describe import sentence_of

    for rule in rules:
        message = f"{sentence_of(rule)}; found {rule.condition.found(operation)}"
        yield Reason(rule.identity, message, rule.source, rule.kind)


def _doubts(rules: tuple[Rule, ...], operation: Operation) -> Iterator[Reason]:
    for reason in _reasons(rules, operation):
        yield replace(reason, message=f"cannot be decided: {reason.message}")


def _cautions(advice: tuple[Advice, ...], operation: Operation) -> Iterator[Caution]:
    for each in advice:
        if each.when is None or each.when.test(operation):
            yield Caution(each.kind, each.say, each.source)


def _unlisted(op: str, target: Target) -> Verdict:
    default = target.otherwise
    if default is None:
        message = f"the table of {target.name} says nothing about {op}"
        return _unknown(f"{op}/unlisted", message, _table(target))
    reason = Reason(f"{op}/unlisted", f"{op}: {default.say}", default.source, default.kind)
    refused = default.verdict == "unsupported"
    return Verdict(default.verdict, "refused" if refused else "unknown", (reason,))


def _unknown(constraint: str, message: str, source: str) -> Verdict:
    return Verdict("unknown", "unknown", (Reason(constraint, message, source),))


def _table(target: Target) -> str:
    return f"table of {target.name}, {target.date}"


def _any(truths: Iterable[Truth]) -> Truth:
    result: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            result = None
    return result


def _converted(lowering: Lowering, memory: Memory) -> Verdict:
    """The verdict of a node by those of the operators that a converter makes of it."""
    if not lowering.known:
        from npulint.operators import CONVERSION

        message = f"no conversion is known: {lowering.why}"
        return _unknown("conversion", message, f"conversion by {CONVERSION}")
    return memory.join([(each.op, memory.judge(each)) for each in lowering.operations])


def _joined(parts: _Parts) -> Verdict:
    """One verdict of several operators that stand for one node."""
    statuses = {part.status for _, part in parts}
    validations = {part.validation for _, part in parts}
    status: Status = "unknown" if "unknown" in statuses else "supported"
    validation: Validation = "unknown" if "unknown" in validations else "accepted"
    if "unsupported" in statuses:
        status = "unsupported"
    if "refused" in validations:
        validation = "refused"
    reasons = [
        replace(reason, message=f"{op}: {reason.message.removeprefix(f'{op}: ')}")
        for op, part in parts
        if part.status == status
        for reason in part.reasons
    ]
    cautions = [
        replace(caution, message=f"{op}: {caution.message}")
        for op, part in parts
        for caution in part.cautions
    ]
    unique = tuple(dict.fromkeys(reasons)), tuple(dict.fromkeys(cautions))
    return Verdict(status, validation, *unique)
