"""Intermediate values that two models name alike: where do they part?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import UsageError
from npulint.formats import load
from npulint.runtimes import Key, RefusedInputsError, RunnerError
from npulint.verification import metrics
from npulint.verification.bench import Bench
from npulint.verification.records import Regions, RegionValue, Settings
from npulint.verification.samples import Recipe, recipes

if TYPE_CHECKING:
    from npulint.model import Model


@dataclass(frozen=True, slots=True)
class _Shared:
    """A value that both models make: its name, who makes it, and what runtimes know it by."""

    name: str
    node: int
    op_a: str
    op_b: str
    key_a: Key
    key_b: Key


def first_sample(a: Path, b: Path, settings: Settings) -> Regions:
    """Compare regions on the first sample of the settings; see `compare_regions`."""
    return regions_on(a, b, settings, None)


def regions_on(
    a: Path,
    b: Path,
    settings: Settings,
    recipe: Recipe | None,
    names: Collection[str] | None = None,
) -> Regions:
    """Compare regions on one sample.

    Args:
        a: The reference.
        b: The other.
        settings: Bounds, and how to pair inputs.
        recipe: The inputs; None for the first that the settings give.
        names: The values that matter; None for all.

    Raises:
        UsageError: The models are of two dialects.
        RunnerError: A runtime refuses a model or these inputs.
    """
    models = load(a), load(b)
    if models[0].dialect != models[1].dialect:
        raise UsageError(
            f"regions are compared by the names of values, which {a} ({models[0].dialect}) and "
            f"{b} ({models[1].dialect}) do not share; give two models of one format"
        )
    shared = [each for each in _shared(*models) if names is None or each.name in names]
    watch = (
        _watched(models[0], [s.key_a for s in shared]),
        _watched(models[1], [s.key_b for s in shared]),
    )
    with Bench(a, b, settings, watch) as bench:
        chosen = recipe or recipes(bench.inputs, settings)[0]
        for path, word in zip((a, b), bench.run(chosen.make(bench.inputs)), strict=True):
            if word is not None:
                raise RunnerError(path, f"did not run on {chosen.name}: {word}")
        found = [_compare(bench, each, settings) for each in shared]
    return Regions(chosen.name, tuple(each for each in found if each is not None))


def _shared(a: Model, b: Model) -> list[_Shared]:
    """Values with a name of their own in both main graphs, in the order in which A makes them."""
    theirs = {name: (key, op) for name, _, op, key in _made(b)}
    return [
        _Shared(name, node, op, theirs[name][1], key, theirs[name][0])
        for name, node, op, key in _made(a)
        if name in theirs
    ]


def _made(model: Model) -> list[tuple[str, int, str, Key]]:
    """Name, node, operator and key of every value that a node makes and no other is named as."""
    graph = model.graphs[0]
    names = Counter(value.name for value in graph.values)
    by_name = model.dialect == "onnx"
    return [
        (value.name, node.index, node.op, value.name if by_name else index)
        for node in graph.nodes
        for index in node.outputs
        if index >= 0
        for value in (graph.values[index],)
        if value.name and names[value.name] == 1 and value.constant is None
    ]


def _watched(model: Model, keys: list[Key]) -> list[Key]:
    """What must be asked for beyond the outputs, which are there anyway."""
    graph = model.graphs[0]
    if model.dialect == "tflite":
        return keys
    outputs = {graph.values[index].name for index in graph.outputs}
    return [key for key in keys if key not in outputs]


def _compare(bench: Bench, shared: _Shared, settings: Settings) -> RegionValue | None:
    """One value of both models, None where it is no tensor of numbers."""
    try:
        one = bench.runners[0].fetch(shared.key_a)
        other = bench.runners[1].fetch(shared.key_b)
    except RefusedInputsError:
        return None
    difference = metrics.measure(one, other)
    same = difference.within(settings.error_bound, settings.min_psnr)
    return RegionValue(shared.name, shared.node, shared.op_a, shared.op_b, difference, same)
