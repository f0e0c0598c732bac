"""How a realisation that divides or takes roots is proved on one instance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from algebra import evaluate, widened
from instances import run
from norm_instances import Instance

from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.record import Family, Occurrence, Realisation
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save
from npulint.model import Model

SAMPLE, ALL = 20, 200
ROUNDING = 2.0**-23
"""What float32 can tell apart next to 1."""


def largest(family: Family[Any], model: Model) -> Occurrence[Any]:
    """The occurrence of most nodes."""
    return max(family.recognise(model.graphs[0]), key=lambda each: len(each.nodes))


def prove(instance: Instance, family: Family[Any], way: Realisation[Any], folder: Path) -> bool:
    """Whether the way applied; that it computes the same is asserted.

    In float64 the graph with the way in it agrees with the definition to 1e-12; in float32, in
    the real runtime and through a file, its error is at most four times that of the original.
    """
    model = load(instance.path)
    occurrence = largest(family, model)
    refusal = way.accepts(occurrence.found)
    if refusal is not None:
        assert refusal.reason
        return False
    setting = Setting(lambda _: {}, model.opsets.get("", 0))
    graph, wide = model.graphs[0], widened(model.graphs[0])
    truth = instance.truth(instance.x)
    fragment, _ = build_fragment(wide, occurrence, way, setting)
    new, _ = apply(wide, [Patch(fragment, occurrence.nodes)])
    (found,) = evaluate(new, {new.inputs[0]: instance.x})
    assert np.abs(found - truth).max() <= 1e-12 * np.abs(truth).max(), instance.label

    fragment, _ = build_fragment(graph, occurrence, way, setting)
    new, _ = apply(graph, [Patch(fragment, occurrence.nodes)])
    path = folder / f"rewritten{instance.path.suffix}"
    save(replace(model, graphs=(new,)), path)
    before, after = run(instance.path, instance.x), run(path, instance.x)
    assert after.shape == before.shape, instance.label
    size = truth if instance.whole is None else instance.whole(instance.x)
    own = max(float(np.abs(before - truth).max()), ROUNDING * float(np.abs(size).max()))
    assert np.abs(after - truth).max() <= 4 * own, instance.label
    if model.dialect == "tflite":
        kept = {n.op for n in graph.nodes if n.index not in occurrence.nodes}
        assert {n.op for n in load(path).graphs[0].nodes} <= {*way.uses, *kept, "RELU"}
    return True
