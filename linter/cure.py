"""`fix`: rewrite what the chosen targets refuse, and write nothing that is not proved."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.cost import node_macs
from npulint.engine import check, node_verdicts
from npulint.errors import UsageError
from npulint.fixers.legalise import Setting, legalise
from npulint.fixers.memory import Memory
from npulint.fixers.record import Policy
from npulint.fixers.surgery import apply
from npulint.fixers.tidy import tidy
from npulint.formats import load, save
from npulint.model import Model

if TYPE_CHECKING:
    from npulint.finding import ModelResult, TargetResult
    from npulint.fixers.choice import Choice
    from npulint.model import Graph, Signature
    from npulint.opsets.profile import Device
    from npulint.opsets.table import Target
    from npulint.verdict import Verdict
    from npulint.verification import Comparison


@dataclass(frozen=True)
class FixResult:
    """What a rewrite came to.

    Attributes:
        before: The model as it was, on each target.
        after: The rewritten model, read back from the file it was written to; None where there
            is nothing to rewrite.
        choices: What was decided about each node that some target does not take and of which
            the catalogue speaks.
        comparison: The rewritten model against the original, both run.
        written: Where the result is; None where nothing was written.
        held_back: Why nothing was written although something was rewritten; empty otherwise.
    """

    before: ModelResult
    after: ModelResult | None
    choices: tuple[Choice, ...]
    comparison: Comparison | None
    written: Path | None
    held_back: str = ""

    @property
    def result(self) -> ModelResult:
        """The model as it is now."""
        return self.after or self.before

    @property
    def complete(self) -> bool:
        """Whether no target refuses anything any more."""
        return not any(
            verdict.status == "unsupported"
            for target in self.result.targets
            for verdicts in target.verdicts
            for verdict in verdicts
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a rewrite.

    Attributes:
        output: Where to write; None to write nothing.
        require_complete: Whether to write only what no target refuses anything of.
        copy_if_clean: Whether to write the model as it is where there is nothing to rewrite.
        max_error: Largest share of an output's range by which the models may differ.
    """

    output: Path | str | None = None
    require_complete: bool = False
    copy_if_clean: bool = False
    max_error: float | None = None


def fix(
    model: Model | str | Path,
    targets: Sequence[str] = (),
    wish: Wish = Wish(),
    progress: Callable[[str], None] | None = None,
) -> FixResult:
    """Rewrite a model so that more of it is taken by the chosen targets.

    Only exact realisations are used. The rewritten model is written to a temporary file, read
    back, checked on every target and run against the original; it is written to its place only
    when it is better on some target, worse on none, and computes the same.

    Args:
        model: The model or its file.
        targets: Names of targets and devices, or files; the default set when empty.
        wish: What is asked for.
        progress: Called with what is done next.

    Returns:
        What came of it.

    Raises:
        NpulintError: The model cannot be read, a target is not known, the runtimes to compare
            with are not installed, or the result cannot be written.
    """
    say = progress or _silence
    say("checking")
    before = _checked(load(model) if isinstance(model, (str, Path)) else model, targets)
    original = before.model
    if original is None:
        raise UsageError(f"{before.path}: {before.error}")
    say("choosing realisations")
    made = _rewrite(original, before, Policy())
    if made.model is original:
        return FixResult(before, None, made.choices, None, _copy(original, wish))
    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        trial = Path(folder) / f"rewritten{before.path.suffix or '.' + original.dialect}"
        say("writing a trial")
        save(made.model, trial)
        after = _checked(load(trial), targets)
        if not made.realised and not _better(before, after):
            return FixResult(before, None, made.choices, None, _copy(original, wish))
        say("running both models")
        comparison = _compare(original.path, trial, wish)
        held_back = _objection(before, after, comparison, wish)
        result = FixResult(before, after, made.choices, comparison, None, held_back)
        if wish.output is None or held_back:
            return result
        say("writing")
        save(made.model, wish.output)
        return replace(result, written=Path(wish.output))


def _silence(_: str) -> None:
    return None


def _checked(model: Model, targets: Sequence[str]) -> ModelResult:
    return check(model, targets=targets).models[0]


def _copy(model: Model, wish: Wish) -> Path | None:
    if wish.output is None or not wish.copy_if_clean:
        return None
    save(model, wish.output)
    return Path(wish.output)


def _compare(original: Path, trial: Path, wish: Wish) -> Comparison:
    from npulint.verification import verify

    return verify(original, trial, max_error=wish.max_error)


@dataclass(frozen=True, slots=True)
class _Rewrite:
    """What a rewrite made: the model, whether any node was realised otherwise, and why."""

    model: Model
    realised: bool
    choices: tuple[Choice, ...]


def _rewrite(model: Model, before: ModelResult, policy: Policy) -> _Rewrite:
    """Clean up, realise what is refused, and clean up after that."""
    asked = [result.device or result.target for result in before.targets]
    choices: list[Choice] = []
    realised = False
    for position in range(len(model.graphs)):
        model = _tidied(model, position)
        graph = model.graphs[position]
        ask = Memory(partial(_answers, model, asked))
        setting = Setting(ask, model.opsets.get("", 0), policy)
        patches, decided = legalise(graph, setting, _kept(model, graph))
        choices += decided
        if patches:
            new, place = apply(graph, patches, _kept(model, graph))
            model, realised = _tidied(_with_graph(model, new, place), position), True
    return _Rewrite(model, realised, tuple(choices))


def _tidied(model: Model, position: int) -> Model:
    graph = model.graphs[position]
    new, place = tidy(graph, _kept(model, graph))
    return model if new is graph else _with_graph(model, new, place)


def _answers(
    model: Model, asked: Sequence[Target | Device], graph: Graph
) -> Mapping[str, Sequence[Verdict]]:
    """What each target makes of a graph: one of the model's own, or one that stands for itself."""
    if not any(each is graph for each in model.graphs):
        model = replace(model, graphs=(graph,), signatures=())
    return {each.name: node_verdicts(model, each)[graph.index] for each in asked}


def _kept(model: Model, graph: Graph) -> frozenset[int]:
    """Values that a body captures by name or a signature names."""
    names = {name for body in model.graphs for _, name in body.captured}
    named = {value.index for value in graph.values if value.name in names}
    for signature in model.signatures:
        if signature.graph == graph.index:
            named.update(index for _, index in (*signature.inputs, *signature.outputs))
    return frozenset(named)


def _with_graph(model: Model, graph: Graph, place: Mapping[int, int]) -> Model:
    """The model with one graph changed, and the signatures that name its values kept right."""
    graphs = tuple(graph if each.index == graph.index else each for each in model.graphs)
    signatures = tuple(
        _moved(each, place) if each.graph == graph.index and place else each
        for each in model.signatures
    )
    return replace(model, graphs=graphs, signatures=signatures)


def _moved(signature: Signature, place: Mapping[int, int]) -> Signature:
    return replace(
        signature,
        inputs=tuple((name, place[index]) for name, index in signature.inputs),
        outputs=tuple((name, place[index]) for name, index in signature.outputs),
    )


def _objection(before: ModelResult, after: ModelResult, comparison: Comparison, wish: Wish) -> str:
    """Why the result is not written, empty where it is."""
    if not comparison.same:
        return "the rewritten model does not compute the same (see the comparison)"
    for old, new in zip(before.targets, after.targets, strict=True):
        if _refused(new) > _refused(old):
            return f"more is refused on {new.target.name} than before"
        if _share_left(after.model, new) > _share_left(before.model, old):
            return f"more of the arithmetic stays on the CPU of {new.target.name} than before"
    if wish.require_complete and any(_refused(each) for each in after.targets):
        return "something stays refused, and a complete cure was required"
    return ""


def _better(before: ModelResult, after: ModelResult) -> bool:
    """Whether clean-ups alone made more of the model run on some target."""
    return any(
        _refused(new) < _refused(old) or len(new.partitions) < len(old.partitions)
        for old, new in zip(before.targets, after.targets, strict=True)
    )


def _share_left(model: Model | None, result: TargetResult) -> float:
    """Share of multiply-accumulates that stay on the CPU for certain."""
    total = left = 0
    for graph, delegation in zip(model.graphs if model else (), result.delegations, strict=True):
        for count, delegated in zip(node_macs(graph), delegation.delegated, strict=True):
            total += count or 0
            left += (count or 0) if delegated is False else 0
    return left / total if total else 0.0


def _refused(result: TargetResult) -> int:
    return sum(v.status == "unsupported" for graph in result.verdicts for v in graph)
