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

from npulint import opsets
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
from npulint.verdict import Caution, Verdict, judge_graph

if TYPE_CHECKING:
    from npulint.joins import Join
    from npulint.model import Dialect, Graph, Operation
    from npulint.partition import Delegation
    from npulint.sizing.wishes import InputShapes

MODEL_SUFFIXES = (".tflite", ".onnx")

DEFAULT_TARGETS = ("nnapi-1.2", "nnapi-1.3", "neuron", "hexagon-nn", "qnn-htp-v75", "hiai")
"""Asked when the user names none; `hexagon-nn` only for quantised .tflite models."""

_ONLY_QUANTISED_TFLITE = "hexagon-nn"


def check(
    models: Model | str | Path | Iterable[Model | str | Path],
    targets: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
    *,
    input_shapes: InputShapes | None = None,
    remedies: bool = True,
) -> Report:
    """Ask each target about each model.

    Args:
        models: Loaded models, or paths of model files, or a mixture.
        targets: Names of targets and devices, or paths of table and profile files; the default
            set when empty.
        progress: Called with each path before it is looked at.
        input_shapes: Sizes to ask about, by the names of inputs, the empty name standing for the
            only one: for files that leave them open.
        remedies: Whether to look up what would cure what is refused, which takes longer than all
            the rest on a small model.

    Returns:
        A report with one result a model. A file that cannot be read, or has no such inputs,
        becomes a result with `error` set and does not disturb the others.

    Raises:
        TargetError: A target is not known.
        TableError: A table file or a profile is faulty.
    """
    given = [models] if isinstance(models, (Model, str, Path)) else list(models)
    chosen = _load_targets(targets)
    results = []
    for item in given:
        if progress is not None:
            progress(str(item.path if isinstance(item, Model) else item))
        results.append(
            _check_one(item, chosen, input_shapes or {}, assumed=not targets, remedies=remedies)
        )
    notes = (*_notes(chosen, assumed=not targets), *_sized(input_shapes or {}))
    return Report(models=tuple(results), notes=notes)


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
            both = f"{chosen[found.name][0]} and {name}"
            raise UsageError(f"{both} are both called {found.name!r}: ask for one at a time")
        chosen[found.name] = name, found
    return tuple(found for _, found in chosen.values())


def _notes(chosen: Sequence[Target | Device], *, assumed: bool) -> tuple[str, ...]:
    if not assumed:
        return ()
    return (f"no target was named, so these were asked: {', '.join(t.name for t in chosen)}",)


def _sized(shapes: InputShapes) -> Iterator[str]:
    if shapes:
        from npulint.sizing.wishes import asked

        yield f"inputs are taken at the sizes asked for: {', '.join(map(asked, shapes.items()))}"


def _check_one(
    item: Model | str | Path,
    targets: Sequence[Target | Device],
    shapes: InputShapes,
    *,
    assumed: bool,
    remedies: bool,
) -> ModelResult:
    with _gc_paused():
        try:
            model = item if isinstance(item, Model) else load(Path(item))
            if shapes:
                from npulint.sizing.walk import resized

                model = resized(model, shapes)
        except ModelFileError as error:
            return ModelResult(path=Path(str(item)), error=_without_path(error))
        except UsageError as error:
            path = item.path if isinstance(item, Model) else Path(item)
            return ModelResult(path=path, error=str(error))
        asked = [t for t in targets if not assumed or _fits(t, model)]
        macs = tuple(node_macs(graph) for graph in model.graphs)
        judged = tuple(_ask(model, target, macs) for target in asked)
        if remedies:
            judged = _with_remedies(model, asked, judged)
        return ModelResult(
            path=model.path,
            model=model,
            summary=summarise(model),
            targets=judged,
            findings=run_rules(model, judged, today=today()),
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


def _without_path(error: ModelFileError) -> str:
    return str(error).removeprefix(f"{error.path}: ")


def _fits(target: Target | Device, model: Model) -> bool:
    if target.name != _ONLY_QUANTISED_TFLITE:
        return True
    return model.dialect == "tflite" and any(
        value.quantisation is not None for graph in model.graphs for value in graph.values
    )


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
