"""Sizes of TFLite operators that go through a sequence with a state.

Which operand says how many units there are: google-ai-edge/LiteRT tflite/kernels/
{lstm,basic_rnn,unidirectional_sequence_lstm,unidirectional_sequence_rnn,
bidirectional_sequence_lstm,bidirectional_sequence_rnn}.cc, the functions Prepare, @f6745779.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.sizing.arithmetic import scaled, total
from npulint.sizing.site import Rules, Site

if TYPE_CHECKING:
    from npulint.model import Dimension, Shape

_FROM_OUTPUT = 8
"""Position of an LSTM's recurrent weights to its output gate, `[cells, units]`."""

_BACKWARD_FROM_OUTPUT = 25
"""The same of the half of a bidirectional one that goes backward."""

_BACKWARD = 5
"""Position of the weights, `[units, depth]`, of a bidirectional RNN's backward half."""


def _lstm(site: Site) -> list[Shape | None]:
    """The last axis of the data is now the units'."""
    return [(*site.shape()[:-1], site.shape(_FROM_OUTPUT)[-1])]


def _one_step(site: Site) -> list[Shape | None]:
    """All of an LSTM, or the basic kernel: data, last activation, weights, bias, last state."""
    if site.word("kernel_type", "FULL") != "BASIC":
        return _lstm(site)
    batch, depth = site.shape()
    units = site.shape(1)[-1]
    state: Shape = (batch, units)
    results: list[Shape | None] = [
        state, state, (batch, total((depth, units))), (batch, scaled(units, 4)),
    ]  # fmt: skip
    return results[: len(site.operation.outputs)]


def _rnn(site: Site) -> list[Shape | None]:
    """Weights are `[units, depth]`."""
    return [(*site.shape()[:-1], site.shape(1)[0])]


def _both(site: Site, forward: Dimension, backward: Dimension) -> list[Shape | None]:
    """Joined along the last axis, or one result each."""
    lead = site.shape()[:-1]
    if site.integer("merge_outputs"):
        return [(*lead, total((forward, backward)))]
    return [(*lead, forward), (*lead, backward)]


def _lstm_both_ways(site: Site) -> list[Shape | None]:
    return _both(site, site.shape(_FROM_OUTPUT)[-1], site.shape(_BACKWARD_FROM_OUTPUT)[-1])


def _rnn_both_ways(site: Site) -> list[Shape | None]:
    return _both(site, site.shape(1)[0], site.shape(_BACKWARD)[0])


RECURRENT_RULES: Rules = {
    "LSTM": _one_step,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    "RNN": _rnn,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _rnn,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _lstm_both_ways,
    "BIDIRECTIONAL_SEQUENCE_RNN": _rnn_both_ways,
}
"""By builtin operator."""
