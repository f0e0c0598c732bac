"""What rules say of a graph beyond what stands in it: arithmetic, names, what others refer to."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from graph_text import model

from npulint.fixers.catalogue import CLEAN_UPS, FAMILIES
from npulint.model import Signature
from npulint.rules import RULES, run_rules

_NAMES = {
    *CLEAN_UPS,
    *(family.name for family in FAMILIES),
    *(way.name for family in FAMILIES for way in family.ways),
}

_UPSAMPLED = """
x: float32[1,1,{size},{size}]
scales: const float32[4] = 1 1 {factor} {factor}
w: const float32[1,1,{taps},{taps}]
Resize (x, -, scales) -> h {{mode: nearest}}
h: float32[1,1,{wide},{wide}]
Conv (h, w) -> y {{pads: [{pad}, {pad}, {pad}, {pad}]}}
y: float32[1,1,{wide},{wide}]
"""


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.fixes], ids=lambda r: r.code)
def test_fixes_are_in_the_catalogue(rule: object) -> None:
    assert set(getattr(rule, "fixes", ())) <= _NAMES


@pytest.mark.parametrize(("taps", "factor"), [(3, 2), (5, 2), (3, 3), (5, 3), (7, 2), (3, 4)])
def test_the_share_of_products_after_repeated_samples(taps: int, factor: int) -> None:
    """NPU707's share is that of the summed weights, and those compute the same."""
    size, pad = 6, taps // 2
    wide = size * factor
    text = _UPSAMPLED.format(size=size, factor=factor, taps=taps, wide=wide, pad=pad)
    (found,) = (f for f in run_rules(model(text, "onnx"), ()) if f.code == "NPU707")
    said = re.search(r"with ([\d.]+) %", found.message)
    assert said is not None

    random = np.random.default_rng(taps * factor)
    x, w = random.normal(size=(size, size)), random.normal(size=(taps, taps))
    expected = _convolved(np.kron(x, np.ones((factor, factor))), w, pad)
    padded = np.pad(x, taps)
    actual = np.zeros((wide, wide))
    products = 0
    for row, column in product(range(factor), repeat=2):
        summed: dict[tuple[int, int], float] = {}
        for i, j in product(range(taps), repeat=2):
            place = ((row - pad + i) // factor, (column - pad + j) // factor)
            summed[place] = summed.get(place, 0.0) + w[i, j]
        products += len(summed)
        for (down, right), weight in summed.items():
            top, left = taps + down, taps + right
            part = padded[top : top + size, left : left + size]
            actual[row::factor, column::factor] += weight * part
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)
    share = 100 * products / (taps * factor) ** 2
    assert float(said[1]) == pytest.approx(share, rel=5e-3)


def _convolved(
    x: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    w: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    pad: int,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, pad), w.shape)
    result: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.einsum("ijkl,kl->ij", windows, w)
    return result


_TWO_RESULTS = """
x: float32[1,8]
RELU (x) -> y
y: float32[1,8]
TANH (x) -> z
z: float32[1,8]
outputs: y
"""


def test_what_a_signature_hands_out_is_not_dead() -> None:
    signature = Signature("serve", 0, inputs=(("x", 0),), outputs=(("second", 2),))
    dead = [f for f in run_rules(model(_TWO_RESULTS), ()) if f.code == "NPU801"]
    assert [each.nodes for each in dead] == [(1,)]
    named = model(_TWO_RESULTS, signatures=(signature,))
    assert not [f for f in run_rules(named, ()) if f.code == "NPU801"]
