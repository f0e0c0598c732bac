"""Normalisations, and Softmax."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from qnn_cases import (
    FLOATS,
    OPSET,
    Case,
    Operand,
    activation,
    bias,
    combinations,
    own,
    weight,
)
from qnn_draws import Draw

from qnn_operators.family import BEFORE, FEW, Family, families


def _softmax(op: str, draw: Draw) -> Iterator[Case]:
    image = activation(*draw.image())
    for axis in (1, 2, 3, -1):
        yield Case(op, (image,), {"axis": axis})
    yield Case(op, (activation(*draw.shape(4, 16)),), {"axis": -1})


def _softmax_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Every rank and axis, also none stated; results of one axis only; sizes not stated."""
    for shape in draw.ranks():
        yield Case(op, (activation(*shape),))
        for axis in sorted({0, len(shape) - 1, len(shape) // 2}):
            yield Case(op, (activation(*shape),), {"axis": axis})
    yield Case(op, (activation(*draw.image(), open=(0,)),), {"axis": -1})
    yield Case(op, (activation(1, draw.size(4), 0),), {"axis": -1})
    yield Case(op, (activation(*draw.shape(4, 8), 1),), {"axis": -1})


def _old_softmax(op: str, draw: Draw) -> Iterator[Case]:
    """Before opset 13: all axes from the one that is stated are one."""
    for shape in draw.ranks():
        if len(shape) > 1:
            yield Case(op, (activation(*shape),), opset=11)
        for axis in sorted({0, 1, len(shape) - 1, -1}):
            if axis < len(shape):
                yield Case(op, (activation(*shape),), {"axis": axis}, opset=11)


def _positive(*shape: int) -> Operand:
    made = weight(*shape)
    assert made.array is not None
    return replace(made, array=abs(made.array) + 0.5)


def _batch_norm(op: str, draw: Draw) -> Iterator[Case]:
    channels = draw.size(8, 3, 16, 32)
    parts = (weight(channels), weight(channels), weight(channels), _positive(channels))
    for shape in (
        (4, channels), (1, channels, draw.size(16)), draw.image(channels, channels),
        (1, channels, *draw.shape(4, 6, 6)), (1, channels, *draw.shape(2, 3, 2, 4)),
    ):  # fmt: skip
        yield Case(op, (activation(*shape), *parts))
        yield Case(op, (activation(*shape), *parts), {"epsilon": draw.number(0.001, 0.0, 0.1)})
    image = draw.image(channels, channels)
    yield Case(op, (activation(*image, open=(0,)), *parts))
    yield Case(op, (activation(*image), activation(channels), *parts[1:]), note="scale fed")
    yield Case(op, (activation(*image), *parts[:3], activation(channels)), span=(0.5, 1.5))
    yield Case(op, (activation(*image), *parts), {"training_mode": 1}, outputs=3)
    for opset in (7, 9, 14):
        yield Case(op, (activation(*image), *parts), opset=opset)


def _training(op: str, draw: Draw) -> Iterator[Case]:
    """As in training: with the statistics of what is fed, which are results too."""
    channels = draw.size(8, 3, 16, 32)
    parts = (weight(channels), weight(channels), weight(channels), _positive(channels))
    for shape in (draw.image(channels, channels), (2, channels, draw.size(16)), (4, channels)):
        for opset in (14, OPSET):
            yield Case(op, (activation(*shape), *parts), {"training_mode": 1}, outputs=3,
                       opset=opset)  # fmt: skip


def _channel_norm(op: str, draw: Draw) -> Iterator[Case]:
    channels = draw.size(8, 4, 12, 32)
    for shape in ((1, channels, draw.size(16)), draw.image(channels, channels),
                  (2, channels, *draw.shape(6, 6))):  # fmt: skip
        yield Case(op, (activation(*shape), weight(channels), weight(channels)))


def _instance_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Other ranks, epsilon, and what is fed."""
    channels = draw.size(8, 4, 12, 32)
    parts = (weight(channels), weight(channels))
    image = draw.image(channels, channels)
    for shape in ((1, channels, *draw.shape(4, 6, 6)), image, (draw.size(3, 4), channels, 16)):
        for epsilon in (0.0, 1e-3):
            yield Case(op, (activation(*shape), *parts), {"epsilon": epsilon})
    yield Case(op, (activation(*image), activation(channels), activation(channels)))
    yield Case(op, (activation(*image, open=(0,)), *parts))
    yield Case(op, (activation(*image), *parts), opset=9)


def _as_activations(op: str, draw: Draw) -> Iterator[Case]:
    """Parameters that quantisers store as they store activations, biases with 32 bits."""
    channels = draw.size(12, 3, 16, 32)
    image = draw.image(channels, channels)
    last = channels if op == "BatchNormalization" else image[-1]
    rng = np.random.default_rng((last, channels))
    scales, means = own(rng.uniform(0.5, 1.5, last)), own(rng.uniform(-0.5, 0.5, last))
    rest = (means, own(rng.uniform(0.5, 1.5, last))) if op == "BatchNormalization" else ()
    opset = 23 if op == "RMSNormalization" else OPSET
    for shape in (image, (1, *image[1:3], last), (2, channels, last)):
        if "RMS" in op:
            yield Case(op, (activation(*shape), scales), opset=opset)
            continue
        for shift in (means, bias(last), weight(last)):
            if op == "BatchNormalization" and shape[1] != channels:
                continue
            yield Case(op, (activation(*shape), scales, shift, *rest), opset=opset)
    if op == "LayerNormalization":
        yield Case(op, (activation(*image), scales), opset=opset)


def _layer_norm(op: str, draw: Draw) -> Iterator[Case]:
    _, channels, height, width = image = draw.image()
    for axis, shape in ((-1, (width,)), (2, (height, width)), (1, (channels, height, width))):
        yield Case(op, (activation(*image), weight(*shape), weight(*shape)), {"axis": axis})


def _layer_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Every rank, with and without a bias, with more outputs, with parameters that are fed."""
    for shape in draw.ranks():
        last = weight(shape[-1])
        biases = () if "RMS" in op or "Simplified" in op else (last,)
        yield Case(op, (activation(*shape), last), {"axis": -1})
        if biases:
            yield Case(op, (activation(*shape), last, *biases), {"axis": -1})
            yield Case(op, (activation(*shape), last, *biases), {"axis": len(shape) - 1})
        else:
            yield Case(op, (activation(*shape), last), {"axis": len(shape) - 1, "epsilon": 1e-3})
    image = draw.image()
    yield Case(op, (activation(*image), weight(*image[2:])), {"axis": 2})
    yield Case(op, (activation(*image), weight(*image[1:])), {"axis": 1})
    yield Case(op, (activation(*image), activation(image[-1])))
    yield Case(op, (activation(*image, open=(0,)), weight(image[-1])))
    yield Case(op, (activation(*image), weight(1)))
    if op == "LayerNormalization":
        yield Case(op, (activation(*image), weight(image[-1])), outputs=3)


def _rms(op: str, draw: Draw) -> Iterator[Case]:
    for case in _layer_forms(op, draw):
        yield replace(case, opset=23)


def _group_norm(op: str, draw: Draw) -> Iterator[Case]:
    channels = draw.size(8, 12, 16, 32)
    for shape in ((1, channels, draw.size(16)), draw.image(channels, channels),
                  (2, channels, *draw.shape(6, 6)), (1, channels, *draw.shape(4, 4, 4)),
                  (draw.size(2, 3), channels)):  # fmt: skip
        for groups in draw.among((1, 4, channels), (2,)):
            parts = (weight(channels), weight(channels))
            yield Case(op, (activation(*shape), *parts), {"num_groups": groups})
            old = (weight(groups), weight(groups))
            yield Case(op, (activation(*shape), *old), {"num_groups": groups}, opset=18)
    image = activation(*draw.image(channels, channels))
    fed = (activation(channels), activation(channels))
    yield Case(op, (image, *fed), {"num_groups": 2})
    yield Case(op, (image, *parts), {"num_groups": 2, "epsilon": 0.01})


def _lrn(op: str, draw: Draw) -> Iterator[Case]:
    for choice in combinations(
        size=draw.among([3, 5, 1, 4], (7, 2)), alpha=[None, 0.01], beta=[None, 0.5]
    ):
        yield Case(op, (activation(*draw.image()),), choice)
    for shape in ((1, 8, 16), (1, 8, 4, 6, 6), (4, 16)):
        yield Case(op, (activation(*draw.shape(*shape)),), {"size": 3})


def _lp(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            for order in draw.among((2, 1)):
                yield Case(op, (activation(*shape),), {"axis": axis, "p": order})


def _mean_variance(op: str, draw: Draw) -> Iterator[Case]:
    yield Case(op, (activation(*draw.image()),))
    yield Case(op, (activation(*draw.image()),), {"axes": [2, 3]})


def _dropout(op: str, draw: Draw) -> Iterator[Case]:
    yield Case(op, (activation(*draw.image()),))
    yield Case(op, (activation(*draw.image()),), outputs=2)
    yield Case(op, (activation(*draw.image()),), {"ratio": 0.3}, opset=9)


FAMILIES: Mapping[str, Family] = {
    **families(_softmax, ("Softmax", "LogSoftmax")),
    "InstanceNormalization": Family("InstanceNormalization", _channel_norm),
    "LayerNormalization": Family("LayerNormalization", _layer_norm),
    **families(_softmax_forms, ("Softmax", "LogSoftmax"), FLOATS, FEW, "{} in other forms"),
    **families(_old_softmax, ("Softmax", "LogSoftmax"), BEFORE, (), "{} of older opsets"),
    "Hardmax": Family("Hardmax", _softmax, ("float32",)),
    "BatchNormalization": Family("BatchNormalization", _batch_norm, FLOATS, FEW),
    "BatchNormalization in training": Family("BatchNormalization", _training, BEFORE, FEW),
    **families(
        _as_activations,
        ("BatchNormalization", "LayerNormalization", "RMSNormalization"),
        ("a8w8", "a16w8"),
        ("s8w8", "s16w8", "a16w16"),
        "{} and parameters as activations",
    ),
    "InstanceNormalization in other forms": Family(
        "InstanceNormalization", _instance_forms, FLOATS, FEW
    ),
    "LayerNormalization in other forms": Family("LayerNormalization", _layer_forms, FLOATS, FEW),
    "RMSNormalization": Family("RMSNormalization", _rms, FLOATS, FEW),
    "SimplifiedLayerNormalization": Family("SimplifiedLayerNormalization", _layer_forms, BEFORE),
    "GroupNormalization": Family("GroupNormalization", _group_norm, FLOATS, FEW),
    "LRN": Family("LRN", _lrn, FLOATS, FEW),
    "LpNormalization": Family("LpNormalization", _lp, FLOATS, FEW),
    "MeanVarianceNormalization": Family("MeanVarianceNormalization", _mean_variance, BEFORE),
    "Dropout": Family("Dropout", _dropout, BEFORE),
}
