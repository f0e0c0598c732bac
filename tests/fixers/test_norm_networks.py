"""Every normalisation of the reference networks is found, in what both frameworks write."""

from __future__ import annotations

from pathlib import Path

import pytest
from norm_spellings import found_in

from npulint.fixers.norms.reading import Normalisation
from npulint.reference_models import CATALOGUE, define
from npulint.reference_models.layers import InstanceNormalization, LayerNormalization
from npulint.reference_models.network import Network
from npulint.reference_models.recipe import FORMATS, Format, Recipe
from npulint.reference_models.trial import exported, small

SAMPLE = ("eds_fpie", "nafnet_tiny", "pynet_v2_mobile", "smallnet")
HEAVY = ("_cumsum", "_avgpool", "_36")
"""Ends of names of networks that differ from others in numbers alone."""


def norms(network: Network) -> list[tuple[str, float]]:
    """Kind and epsilon of the normalisations that a network's definition has, in order."""
    kinds = {InstanceNormalization: "instance", LayerNormalization: "layer"}
    return [
        (kinds[type(step.layer)], step.layer.epsilon)
        for step in network.steps
        if isinstance(step.layer, (InstanceNormalization, LayerNormalization))
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_every_norm_is_found(format: Format, full: bool, tmp_path: Path) -> None:
    names = [each for each in CATALOGUE if not each.endswith(HEAVY)] if full else SAMPLE
    for name in names:
        wanted = norms(define(name))
        if full and not wanted:
            continue
        network = define(name, small(name))
        path = tmp_path / f"{name}.{format}"
        path.write_bytes(exported(network, Recipe(format)).demanded(name))
        found = found_in(path)
        assert [
            (each.kind, round(each.epsilon, 9)) if isinstance(each, Normalisation) else each
            for each in found
        ] == wanted, name
        channels = 1 if format == "onnx" else 3
        for each in found:
            assert isinstance(each, Normalisation)
            assert each.channel_axis == channels
            assert each.scale is not None
            assert each.scale.shape == (each.shape[channels],)
