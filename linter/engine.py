"""The linter itself: models and targets in, one report out."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.asking import Asking
from npulint.cost import node_macs, summarise
from npulint.errors import ModelFileError, UsageError
from npulint.finding import Coverage, ModelResult, Report, TargetResult
from npulint.formats import load
from npulint.joins import joining_set
from npulint.model import Model
from npulint.operators import CONVERSION, lower_graph
from npulint.opsets.profile import Device
from npulint.opsets.table import Target
from npulint.partition import delegate_model
from npulint.rules import run_rules
from npulint.rules.demands import Demands
from npulint.verdict import Caution, Verdict, judge_graph

if TYPE_CHECKING:
    from npulint.asking import Question
    from npulint.config.applying import Accounts
    from npulint.config.settings import Section
    from npulint.finding import Finding
    from npulint.joins import Join
    from npulint.model import Dialect, Graph, Operation
    from npulint.partition import Delegation
    from npulint.sizing.wishes import InputShapes

MODEL_SUFFIXES = (".tflite", ".onnx")


def check(  # noqa: PLR0913 - one parameter an option
    models: Model | str | Path | Iterable[Model | str | Path],
    targets: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
    *,
    input_shapes: InputShapes | None = None,
    remedies: bool = True,
    accounts: Accounts | None = None,
) -> Report:
    """Ask each target about each model.

    Args:
        models: Loaded models, or paths of model files, or a mixture.
        targets: Names of targets and devices, or paths of table and profile files; those of the
            settings when empty, and the default set where these name none.
        progress: Called with each path before it is looked at.
        input_shapes: Sizes to ask about, by the names of inputs, the empty name standing for the
            only one: for files that leave them open. Those of the settings when there are none.
        remedies: Whether to look up what would cure what is refused, which takes longer than all
            the rest on a small model.
        accounts: Settings, and what is accepted by them; every rule runs and nothing is accepted
            when None.

    Returns:
        A report with one result a model. A file that cannot be read, or has no such inputs,
        becomes a result with `error` set and does not disturb the others.

    Raises:
        TargetError: A target is not known.
        TableError: A table file or a profile is faulty.
    """
    given = [models] if isinstance(models, (Model, str, Path)) else list(models)
    asking = Asking(targets, accounts, input_shapes or {})
    day = today() if accounts is None else accounts.today
    results = []
    for item in given:
        path = Path(item.path if isinstance(item, Model) else item)
        if progress is not None:
            progress(str(path))
        result = _check_one(item, asking.about(path), day, remedies=remedies)
        results.append(result if accounts is None else accounts.settle(result))
    return Report(
        models=tuple(results),
        notes=asking.notes(),
        findings=() if accounts is None else accounts.close(),
    )


def find_models(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Expand folders into the model files inside, recursively and in a stable order.

    Files are taken as they are, whatever their names, and so is a folder that is itself a
    model (a SavedModel), that holds no model or that may not be looked into: reading it says
    what it is. Links to folders are not followed.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(_models_within(path)) if _is_folder_of_files(path) else []
        found.extend(inside or [path])
    return tuple(dict.fromkeys(found))


def _is_folder_of_files(path: Path) -> bool:
    # Unlike pathlib's, these say no to whatever path is no path at all.
    return os.path.isdir(path) and not os.path.exists(path / "saved_model.pb")  # noqa: PTH110, PTH112


def _models_within(folder: Path) -> Iterator[Path]:
    """Model files by their names, dangling links and pipes too, and folders that are closed."""
    closed: list[OSError] = []
    for place, _, names in os.walk(folder, onerror=closed.append):
        for name in names:
            if name.lower().endswith(MODEL_SUFFIXES):
                yield Path(place, name)
    yield from (Path(os.fsdecode(error.filename)) for error in closed if error.filename)


def _check_one(
    item: Model | str | Path, question: Question, day: date, *, remedies: bool
) -> ModelResult:
    with _gc_paused():
        try:
            model = item if isinstance(item, Model) else load(Path(item))
            if question.shapes:
                from npulint.sizing.walk import resized

                model = resized(model, question.shapes)
        except ModelFileError as error:
            return ModelResult(path=Path(str(item)), error=_without_path(error))
        except UsageError as error:
            path = item.path if isinstance(item, Model) else Path(item)
            return ModelResult(path=path, error=question.in_its_words(str(error)))
        macs = tuple(node_macs(graph) for graph in model.graphs)
        asked = question.asked(model)
        judged = tuple(_ask(model, target, macs) for target in asked)
        if remedies:
            judged = _with_remedies(model, asked, judged)
        return ModelResult(
            path=model.path,
            model=model,
            summary=summarise(model),
            targets=judged,
            findings=_found(model, judged, question.section, day),
        )


def today() -> date:
    """The day on which a model is looked at.

    `SOURCE_DATE_EPOCH`, in seconds since 1970, fixes it for reports that have to come out the same
    again (reproducible-builds.org/docs/source-date-epoch).

    Raises:
        UsageError: That variable is not a number of seconds.
    """
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    if not fixed:
        return datetime.now(timezone.utc).date()
    try:
        return datetime.fromtimestamp(int(fixed), timezone.utc).date()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"SOURCE_DATE_EPOCH is {fixed!r}: expected seconds since 1970") from None


def _with_remedies(
    model: Model, asked: Sequence[Target | Device], results: tuple[TargetResult, ...]
) -> tuple[TargetResult, ...]:
    """The results with what would cure what is refused, if anything is."""
    refusing = [each for each in results if _refuses(each)]
    if not refusing:
        return results
    from npulint.remedies import remedies

    names = {each.target.name for each in refusing}
    found = remedies(model, refusing, [each for each in asked if each.name in names])
    return tuple(replace(each, remedies=found.get(each.target.name, {})) for each in results)


def _refuses(result: TargetResult) -> bool:
    return any(v.status == "unsupported" for graph in result.verdicts for v in graph)


def _found(
    model: Model, judged: Sequence[TargetResult], section: Section | None, day: date
) -> tuple[Finding, ...]:
    if section is None:
        return run_rules(model, judged, today=day)
    demands = Demands(section.min_coverage, known=bool(section.require_known_coverage))
    return run_rules(model, judged, section.wants, demands, today=day)


def _without_path(error: ModelFileError) -> str:
    return str(error).removeprefix(f"{error.path}: ")


def node_verdicts(model: Model, asked: Target | Device) -> tuple[tuple[Verdict, ...], ...]:
    """What one target or device makes of each node, graph by graph."""
    macs = tuple(node_macs(graph) for graph in model.graphs)
    return _ask(model, asked, macs).verdicts


def _ask(
    model: Model, asked: Target | Device, macs: tuple[tuple[int | None, ...], ...]
) -> TargetResult:
    device = asked if isinstance(asked, Device) else None
    target = asked if isinstance(asked, Target) else asked.start.target
    if model.dialect != target.dialect and not _converted(model.dialect, target):
        # Of a model in a language that the target does not take nobody knows how it would be cut.
        target = replace(target, partitioning=None)
    verdicts = tuple(judge_graph(graph, target) for graph in model.graphs)
    vanishing = tuple(_vanishing(graph, target) for graph in model.graphs)
    delegations = delegate_model(model.graphs, verdicts, target, vanishing=vanishing)
    cautions = tuple(_cautions(model, target))
    if device is not None:
        from npulint import phone

        verdicts, delegations = phone.settle(model, device, verdicts, delegations, vanishing)
        cautions += tuple(phone.cautions(model, device))
        target = replace(target, name=device.name, title=device.title, date=device.date)
    return TargetResult(
        target=target,
        via=CONVERSION if _converted(model.dialect, target) else None,
        verdicts=tuple(
            tuple(map(_settled, judged, delegation.delegated))
            for judged, delegation in zip(verdicts, delegations, strict=True)
        ),
        delegations=delegations,
        coverage=_coverage(delegations, macs),
        cautions=cautions,
        joins=tuple(_joins(model, delegations)),
        device=device,
    )


def _joins(model: Model, delegations: Sequence[Delegation]) -> Iterator[Join]:
    for graph, delegation in zip(model.graphs, delegations, strict=True):
        join = joining_set(graph, delegation.partitions)
        if join is not None:
            yield join


def _settled(verdict: Verdict, delegated: bool | None) -> Verdict:
    """The verdict once it is known what happens to the node.

    A runtime may take what its check refuses when asked about it alone: NNAPI's delegate folds
    DEQUANTIZE of float16 weights into the nodes that read them.
    """
    if delegated and verdict.status == "unsupported":
        return replace(verdict, status="supported")
    return verdict


def _cautions(model: Model, target: Target) -> Iterator[Caution]:
    """The target's warnings about itself, those with a condition where some operation meets it."""
    for advice in target.cautions:
        if advice.when is None or any(advice.when.test(each) for each in _asked(model, target)):
            yield Caution(advice.kind, advice.say, advice.source, advice.when is None)


def _asked(model: Model, target: Target) -> Iterator[Operation]:
    """The operations that the target's table is asked about."""
    for graph in model.graphs:
        if _converted(graph.dialect, target):
            yield from (each for lowering in lower_graph(graph) for each in lowering.operations)
        elif graph.dialect == target.dialect:
            yield from map(graph.operation, graph.nodes)


def _converted(dialect: Dialect, target: Target) -> bool:
    """Whether a graph is judged by its conversion, the only one of which anything is known."""
    return dialect == "onnx" and target.dialect == "tflite"


def _vanishing(graph: Graph, target: Target) -> frozenset[int]:
    """Nodes of which a conversion leaves nothing, so that they cannot cut the graph."""
    if not _converted(graph.dialect, target):
        return frozenset()
    lowered = lower_graph(graph)
    return frozenset(index for index, lowering in enumerate(lowered) if lowering.vanishes)


def _coverage(delegations: Sequence[Delegation], macs: Sequence[Sequence[int | None]]) -> Coverage:
    nodes = taken = 0
    total: int | None = 0
    covered = 0
    for delegation, counts in zip(delegations, macs, strict=True):
        for handed_over, count in zip(delegation.delegated, counts, strict=True):
            nodes += 1
            taken += handed_over is True
            if count is None or total is None:
                total = None
                continue
            total += count
            covered += count if handed_over is True else 0
    return Coverage(
        nodes=taken / nodes if nodes else 1.0,
        macs=covered / total if total else None,
    )


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause the cyclic collector: a model of 50,000 nodes makes no garbage worth its scans."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
