"""How far a quantised network is from itself in floating point, and which layers are to blame.

Layers are ranked in two steps. The noise that each adds is read off one run of both models, value
by value; it costs little, and does not tell what later layers make of that noise. Of those that
add most, some are then left in floating point, one at a time, and the whole network is quantised
and run again: that gain is what counts.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from npulint.formats import load
from npulint.quantising.converting import Converter, require
from npulint.quantising.floating import see_that_it_is_float
from npulint.quantising.records import MOVES, Layer, Sensitivity
from npulint.quantising.running import Power, outputs, powers
from npulint.verification import metrics
from npulint.verification.halves import read_halves
from npulint.verification.sample_files import Named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from npulint.model import Graph, Model, Node
    from npulint.quantising.running import Floats
    from npulint.verification.halves import Halves

TRIES = 8
"""Layers that are left in floating point in turn, unless another number is asked for."""

STEPS = 5
"""What `sensitivity` says to its caller, but for the layers tried."""


def sensitivity(
    model: Model,
    samples: Path,
    truth: Path | None = None,
    tries: int = TRIES,
    progress: Callable[[str], None] | None = None,
) -> Sensitivity:
    """Quantise a float model to int8 and measure what that costs.

    Ranges are read from every other sample; all figures are of those between.

    Args:
        model: A model in floating point, as it is in its file.
        samples: A folder or an `.npz` file with samples of its inputs.
        truth: What its outputs should be on them; None where their own file says it, or nobody.
        tries: Layers to leave in floating point in turn.
        progress: Called with what is done next.

    Raises:
        MissingExtraError: The converter or the runtime is not installed.
        ModelFileError: The converter or the runtime refuses the model.
        UsageError: It is quantised already, or the samples do not fit.
    """
    say = progress or _silence
    require(model.dialect)
    see_that_it_is_float(model)
    say("reading samples")
    halves = read_halves(samples, truth, model, fits=True)
    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        say("quantising")
        converter = Converter(model, halves.fitting, Path(folder) / "whole")
        name, (file,) = converter.convert()
        quantised = load(file)
        say("running both models")
        exact = _Outputs.of(model, halves.judging)
        coarse = _Outputs.of(quantised, halves.judging)
        each = exact.psnr(coarse)
        say("comparing layer by layer")
        measured = powers(model, quantised, halves.judging)
        layers = _by_noise(model, measured)
        tried = [layer for layer in layers if layer.op not in MOVES][:tries]
        apart = replace(converter, folder=Path(folder) / "parts")
        gains = _gains(apart, halves.judging, exact, tried, say)
    return Sensitivity(
        kind="int8",
        converter=name,
        runtime=exact.runtime,
        nodes=len(layers),
        psnr=fmean(each),
        lowest=min(each),
        truth=_to_truth(halves, exact, coarse),
        peak=None if halves.truth is None else halves.truth.peak,
        fitting=tuple(sample.name for sample in halves.fitting),
        held_out=tuple(sample.name for sample in halves.judging),
        layers=tuple(
            sorted((replace(each, in_float=gains.get(each.node)) for each in layers), key=_rank)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Outputs:
    """What a model put out on each sample."""

    runtime: str
    arrays: tuple[Sequence[Floats], ...]

    @classmethod
    def of(cls, model: Model, samples: Sequence[Named]) -> _Outputs:
        """Run it."""
        found = list(outputs(model, samples))
        return cls(found[0][0], tuple(arrays for _, arrays in found))

    def psnr(self, other: _Outputs) -> list[float]:
        """How near another model's outputs are, a sample each: of the output furthest off."""
        return [
            min(metrics.measure(a, b).psnr for a, b in zip(one, two, strict=True))
            for one, two in zip(self.arrays, other.arrays, strict=True)
        ]


def _silence(_: str) -> None:
    return None


def _by_noise(model: Model, measured: Mapping[str, Power]) -> tuple[Layer, ...]:
    """All nodes whose results were measured, those first that add most noise."""
    graph = model.graphs[0]
    shares = {name: _share(power) for name, power in measured.items()}
    layers = []
    for node in graph.nodes:
        made = [graph.values[index].name for index in node.outputs if index >= 0]
        known = [name for name in made if name in shares]
        if not known:
            continue
        taken = _together(graph, node, shares)
        inside = {index for each in taken for index in each.outputs}
        read = [
            shares.get(graph.values[index].name, 0.0)
            for each in taken
            for index in each.inputs
            if index >= 0 and index not in inside
        ]
        share = shares[known[0]]
        layers.append(
            Layer(
                node=node.index,
                op="+".join(each.op for each in taken),
                value=known[0],
                snr=math.inf if share == 0 else -10 * math.log10(share),
                added=share - max(read, default=0.0),
                values=tuple(graph.values[each.outputs[0]].name for each in taken),
            )
        )
    return tuple(sorted(layers, key=lambda layer: -layer.added))


def _together(graph: Graph, node: Node, known: Collection[str]) -> list[Node]:
    """A node, behind those before it whose results the quantised model no longer has."""
    found = [node]
    for index in node.inputs:
        if index < 0 or index in graph.inputs or graph.values[index].name in known:
            continue
        for maker in graph.uses[index].makers:
            found = [each for each in _together(graph, maker, known) if each not in found] + found
    return found


def _share(power: Power) -> float:
    """Noise by signal; where there is no signal, all of it is noise."""
    if power.noise == 0:
        return 0.0
    return power.noise / power.signal if power.signal else 1.0


def _gains(
    converter: Converter,
    samples: Sequence[Named],
    exact: _Outputs,
    tried: Sequence[Layer],
    say: Callable[[str], None],
) -> Mapping[int, float]:
    """PSNR of the outputs with each of some layers alone left in floating point, by its node."""
    if not tried:
        return {}
    say(f"quantising with each of {len(tried)} layers left in floating point")
    _, files = converter.convert([layer.values for layer in tried])
    found: dict[int, float] = {}
    for layer, file in zip(tried, files, strict=True):
        say(f"running with {layer.op} {layer.node} in floating point")
        found[layer.node] = fmean(exact.psnr(_Outputs.of(load(file), samples)))
    return found


def _rank(layer: Layer) -> tuple[bool, float, float]:
    return layer.in_float is None, -(layer.in_float or 0.0), -layer.added


def _to_truth(halves: Halves, exact: _Outputs, coarse: _Outputs) -> tuple[float, float] | None:
    """PSNR of both models to what outputs should be, the mean over the samples."""
    truth = halves.truth
    if truth is None:
        return None
    names = list(truth.arrays[halves.judging[0].key])

    def mean(found: _Outputs) -> float:
        return fmean(
            truth.psnr(sample, dict(zip(names, arrays, strict=True)))
            for sample, arrays in zip(halves.judging, found.arrays, strict=True)
        )

    return mean(exact), mean(coarse)
