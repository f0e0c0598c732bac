"""Which networks a sweep over all of them takes."""

from __future__ import annotations

import pytest

from npulint.reference_models import CATALOGUE

SAMPLE = (
    "acvlab",
    "csanet",
    "cvml",
    "dbpn",
    "edsr",
    "eds_fpie",
    "enerzai_esrgan",
    "fsrcnn",
    "isp_forever",
    "nafnet_mofa",
    "nafnet_tiny",
    "noahtcv",
    "pmrid",
    "pmrid_mofa",
    "pynet_v2_mobile",
    "rdn",
    "sgn",
    "smallnet",
    "unet_small",
)
"""One of each kind of wiring, not too big; the others differ from these in numbers mostly."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests that take `swept` a sample of the networks' names, or with `--full` all."""
    if "swept" in metafunc.fixturenames:
        full = metafunc.config.getoption("--full")
        metafunc.parametrize("swept", CATALOGUE if full else SAMPLE)
