"""Reference networks as PyTorch modules, as they are and rewritten for phones."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import revived_files as files

from npulint.fixers.record import Policy
from npulint.formats import load, save
from npulint.opsets import load_device, load_target
from npulint.recovering.revived_writing import refreshed
from npulint.reference_models.catalogue import CATALOGUE, NARROW, define
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.trial import exported, small
from npulint.rewriting import rewrite

FORMATS = ("onnx", "tflite")
SAMPLED = ("smallnet", "nafnet_tiny", "unet_narrow")
TARGETS = {
    "pixel-4": load_device,
    "mate30-pro-5g": load_device,
    "qnn-htp-v73": load_target,
}
REWRITTEN = tuple(product(("unet_narrow", "pynet_v2_narrow", "nafnet_tiny"), TARGETS))
REWRITTEN_SAMPLE = (("nafnet_tiny", "mate30-pro-5g"), ("unet_narrow", "qnn-htp-v73"))


def written(name: str, form: str, folder: Path) -> Path:
    path = folder / f"{name}.{form}"
    path.write_bytes(exported(define(name, small(name)), Recipe(form)).demanded(name))
    return path


@pytest.mark.filterwarnings("ignore")  # Of the exporters, about themselves.
@pytest.mark.parametrize("form", FORMATS)
def test_networks_compute_what_the_runtime_does(form: str, full: bool, tmp_path: Path) -> None:
    for name in (*CATALOGUE, *NARROW) if full else SAMPLED:
        path = written(name, form, tmp_path)
        module = files.see_that_it_computes(path)
        assert len(module.trained) > 2, name
        assert refreshed(path, module) == path.read_bytes(), name


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMATS)
def test_what_is_rewritten_computes_what_the_runtime_does(
    form: str, full: bool, tmp_path: Path
) -> None:
    for name, phone in REWRITTEN if full else REWRITTEN_SAMPLE:
        model = load(written(name, form, tmp_path))
        for allow in ("exact", "lossy") if full else ("lossy",):
            made = rewrite(model, [TARGETS[phone](phone)], Policy(allow))
            path = tmp_path / f"{name}-{phone}-{allow}.{form}"
            save(made.model, path)
            module = files.see_that_it_computes(path)
            assert len(module.trained) > 2, path
            assert refreshed(path, module) == path.read_bytes(), path
            losses = files.trained(module, files.inputs_of(path), steps=4, rate=1e-4)
            assert losses[-1] < losses[0], path
