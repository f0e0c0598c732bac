"""Maxima over windows: of slices, or of an input whose border is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves
from npulint.fixers.moving.pads import extend
from npulint.fixers.moving.shuffles import planes
from npulint.fixers.reading import fixed, immovable, meaning
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.semantics import Pool

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder, Sizes
    from npulint.fixers.building.moves import Moves
    from npulint.model import Graph, Node
    from npulint.operators.semantics import Window

_MOST = 8
"""Samples along one axis of which the maximum is taken one by one."""


@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest of each window, padding left out.

    Attributes:
        source: Position of the feature map.
        sizes: Its sizes, `[N, C, H, W]`.
        output: Sizes of the result along H and W.
        window: Along H and W.
        strides: Along H and W.
        dilations: Along H and W.
        sides: For H and W, samples that windows have before the first and behind the last one.
        activation: TFLite name of a fused activation.
    """

    source: int
    sizes: Sizes
    output: tuple[int, int]
    window: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    sides: tuple[tuple[int, int], tuple[int, int]]
    activation: str


def recognise(graph: Graph) -> Iterator[Occurrence[MaxPool]]:
    """Find every max pooling."""
    for node in graph.nodes:
        if not node.domain and node.op in ("MAX_POOL_2D", "MaxPool"):
            yield Occurrence(node.op, (node.index,), node.outputs[:1], _read(graph, node))


def _read(graph: Graph, node: Node) -> MaxPool | Refusal:
    record = meaning(graph, node)
    if isinstance(record, Refusal):
        return record
    ends = node.inputs[0], node.outputs[0]
    refusal = immovable(graph, ends)
    shape, made = (fixed(graph.values[index]) or () for index in ends)
    if refusal is not None or not isinstance(record, Pool):
        return refusal or Refusal("it is no pooling of a feature map of 4 dimensions")
    if len(node.outputs) > 1 or len(shape) != 4:
        return Refusal("it also says where the largest ones are, or has not 4 dimensions")
    sizes, output = planes(graph, shape), planes(graph, made)[2:]
    window = record.window
    tflite = graph.dialect == "tflite"
    return MaxPool(
        source=ends[0],
        sizes=sizes,
        output=output,
        window=(window.kernel[0], window.kernel[1]),
        strides=(window.strides[0], window.strides[1]),
        dilations=(window.dilations[0], window.dilations[1]),
        sides=(_sides(window, 0, sizes[2], output[0]), _sides(window, 1, sizes[3], output[1])),
        activation=str(node.attributes.get("fused_activation_function", "NONE"))
        if tflite
        else "NONE",
    )


def _sides(window: Window, axis: int, size: int, out: int) -> tuple[int, int]:
    """What windows have before and behind the samples; rows that no window sees do not count."""
    reach = (window.kernel[axis] - 1) * window.dilations[axis] + 1
    span = (out - 1) * window.strides[axis] + reach
    if not window.auto:
        before = window.pads[axis][0]
    else:
        past = max(span - size, 0)
        before = past // 2 if window.auto == "SAME_UPPER" else past - past // 2
    return before, max(span - size - before, 0)


def _bordered(m: Moves, p: MaxPool, axes: tuple[int, int]) -> int:
    value = p.source
    for axis, sides in zip(axes, p.sides, strict=True):
        if any(sides):
            value = extend(m, value, axis, sides, "edge")
    return value


def _maxima(builder: Builder, p: MaxPool) -> list[int]:
    m, tflite = moves(builder, p.source), builder.graph.dialect == "tflite"
    axes = (1, 2) if tflite else (2, 3)
    value = _bordered(m, p, axes)
    op = "MAXIMUM" if tflite else "Max"
    for number, axis in enumerate(axes):
        stride, span = p.strides[number], (p.output[number] - 1) * p.strides[number] + 1
        whole = (0, m.shape(value)[axis], 1)
        largest = None
        for place in range(p.window[number]):
            start = place * p.dilations[number]
            if (start, start + span, stride) == whole:
                alone = value
            else:
                alone = m.cut(value, axis, start, start + span, stride)
            largest = alone if largest is None else m.made(op, (largest, alone), m.shape(alone))
        value = value if largest is None else largest
    return [builder.activate(Feature(value, (*p.sizes[:2], *p.output)), p.activation).value]


def _repeated_border(builder: Builder, p: MaxPool) -> list[int]:
    m, tflite = moves(builder, p.source), builder.graph.dialect == "tflite"
    value = _bordered(m, p, (1, 2) if tflite else (2, 3))
    result = builder.stored((*p.sizes[:2], *p.output))
    shape = [size for size in result if isinstance(size, int)]
    if tflite:
        return [
            m.made(
                "MAX_POOL_2D", (value,), shape, padding="VALID", stride_h=p.strides[0],
                stride_w=p.strides[1], filter_height=p.window[0], filter_width=p.window[1],
                fused_activation_function=p.activation,
            )
        ]  # fmt: skip
    return [
        m.made(
            "MaxPool", (value,), shape, kernel_shape=p.window, strides=p.strides,
            pads=(0, 0, 0, 0),
        )
    ]  # fmt: skip


def _few(p: MaxPool) -> Refusal | None:
    if max(p.window) > _MOST:
        return Refusal(f"a window of {max(p.window)} samples; {_MOST} at most")
    if p.window == (1, 1) and p.strides == (1, 1):
        return Refusal("its windows hold one sample")
    if p.dilations != (1, 1) and any(map(any, p.sides)):
        return Refusal("its windows have holes, in which the sample at the border may lie")
    return None


def _padded(p: MaxPool) -> Refusal | None:
    if not any(map(any, p.sides)):
        return Refusal("no window lies over the border")
    if p.dilations != (1, 1):
        return Refusal("its windows have holes, which TFLite does not know")
    return None


FAMILY = Family(
    "max-pool",
    recognise,
    (
        Realisation(
            name="max-pool/repeated-border",
            uses=("STRIDED_SLICE", "CONCATENATION", "MAX_POOL_2D"),
            exactness="exact",
            argument=(
                "a window over the border holds the sample at the border, which may come in it "
                "more than once, so padding by copies changes no maximum"
            ),
            accepts=_padded,
            build=_repeated_border,
        ),
        Realisation(
            name="max-pool/maxima",
            uses=("STRIDED_SLICE", "CONCATENATION", "MAXIMUM", "RELU", "RELU6"),
            exactness="exact",
            argument=(
                "the largest of a window is the largest of its rows' largest: slices that begin "
                "at each place of the window, along one axis after the other; at most 8 along each"
            ),
            accepts=_few,
            build=_maxima,
        ),
    ),
)
