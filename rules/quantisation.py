"""Quantisation: grids that do not fit each other, and what 8 bits cost an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.model import Quantisation
from npulint.opsets import tflite_grids as grids
from npulint.rules.quantised import BIASED, foreign_bias, is_eight_bit, one_grid
from npulint.rules.record import Rule, model_rule

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnModel

_BIAS_SOURCES = {
    "tflite": grids.kernel(grids.BIAS_LINES),
    "onnx": "onnx/onnx docs/Operators.md, QLinearConv, input B",
}
_HALF_A_STEP = 0.5

_IMAGE = (1, 3, 4)
"""Channels of grey, colour and raw (or transparent) images."""

_STUDY = "Chiang et al., Deploying Image Deblurring across Mobile Devices, arXiv:2004.12599"
_COSTS = (
    Evidence(
        "a deblurring U-Net lost 2.2 dB by 8-bit post-training quantisation (31.87 to 29.66 dB), "
        "0.8 dB with quantisation-aware training, nothing at 16 bits",
        f"{_STUDY}, Table 4",
    ),
    Evidence(
        "on three phones an 8-bit network's images were 42 to 43 dB from those of a desktop, the "
        "float network's 51 dB",
        f"{_STUDY}, Table 5",
    ),
)


@model_rule("NPU601", "foreign-bias-scale", "warning", since="0.1.0")
def foreign_bias_scale(here: OnModel) -> Iterator[Finding]:
    """Finds biases whose scale is not the input's scale times the weights'.

    Why it matters: integer kernels add the bias to sums of products, whose scale is that product,
    and do not look at the bias's own. With another scale every result of the channel is shifted.

    Example: input scale 0.02, weight scale 0.005, bias scale 0.0002 where 0.0001 is the product:
    each bias counts half.

    What to do: quantise the bias again with the product as its scale and 0 as its zero point.
    Tools that change weight scales after conversion (equalisation, pruning) forget this.

    Limits: a difference that shifts no result by half a step is not reported. In ONNX it is told
    of convolutions and Gemm between DequantizeLinear and QuantizeLinear, which runtimes fuse.
    """
    for facts in here.facts.graphs:
        found: list[tuple[Node, str]] = []
        unclear: list[Node] = []
        for node in facts.ordered(*BIASED):
            bias = foreign_bias(facts, node)
            if bias is not None and bias.steps is None:
                unclear.append(node)
            elif bias is not None and (bias.steps or 0.0) >= _HALF_A_STEP:
                found.append((node, _shifted(bias.scale, bias.product, bias.steps or 0.0)))
        evidence = [
            Evidence(
                "the bias counts on the grid of the products", _BIAS_SOURCES[here.model.dialect]
            )
        ]
        yield from _by_operator(here, found, evidence)
        yield from here.unsure(
            unclear, "its bias is on another grid than its products, and too large to look at"
        )


def _shifted(scale: float, product: float, steps: float) -> str:
    return (
        f"its bias has scale {scale:.6g} and counts as if it had {product:.6g}, which shifts "
        f"results by up to {steps:.3g} steps; the product of input and weight scale is taken"
    )


@model_rule("NPU602", "unequal-grids", "warning", since="0.1.0")
def unequal_grids(here: OnModel) -> Iterator[Finding]:
    """Finds operators that move quantised numbers as they are from one scale to another.

    Why it matters: pooling, padding, reshaping, joining, slicing and resizing kernels copy or
    compare the stored numbers. Where input and result have different scales or zero points, every
    value changes by their ratio and nobody says so. NNAPI and most accelerators demand one grid.

    Example: MAX_POOL_2D from scale 0.5 to scale 0.25: everything behind it is half as large.

    What to do: give both the same scale and zero point, or put a QUANTIZE where the grid changes.

    Limits: differences that move no number by half a step are not reported. What TensorFlow Lite
    refuses to prepare on two grids is told by NPU120; its uint8 CONCATENATION rescales by itself.
    ONNX files state grids beside the operators, and these are not looked at.
    """
    for facts in here.facts.graphs:
        found: list[tuple[Node, str]] = []
        unclear: list[Node] = []
        for node in facts.ordered(*grids.ONE_GRID):
            demand = grids.ONE_GRID[node.op]
            values = _moved(facts, node, demand.inputs)
            dtype = values[0].dtype if values else None
            if dtype not in grids.QUANTISED or dtype in (*demand.refused, *demand.rescaled):
                continue
            stated = [each.quantisation for each in values if each.quantisation is not None]
            if stated and len(stated) < len(values):
                unclear.append(node)
            elif stated and not all(one_grid(stated[0], each, dtype) for each in stated[1:]):
                found.append((node, _moves(stated, stops=demand.stops)))
        yield from _by_operator(here, found, ())
        yield from here.unsure(unclear, "not all that it reads and makes states a scale")


def _moved(facts: GraphFacts, node: Node, inputs: tuple[int, ...] | None) -> list[Value]:
    """What lies on one grid: the inputs meant, and all results."""
    places = range(len(node.inputs)) if inputs is None else inputs
    given = [facts.operand(node, position) for position in places]
    made = [facts.result(node, position) for position in range(len(node.outputs))]
    return [each for each in (*given, *made) if each is not None]


def _moves(stated: list[Quantisation], *, stops: bool) -> str:
    shown = " and ".join(dict.fromkeys(map(_grid, stated)))
    then = "stops with an error" if stops else "does not convert between them"
    return f"its operands lie on different grids ({shown}), and its kernel {then}"


def _grid(quantisation: Quantisation) -> str:
    return f"scale {quantisation.scale:.6g}, zero point {quantisation.zero_point}"


@model_rule("NPU603", "foreign-result-grid", "warning", since="0.1.0")
def foreign_result_grid(here: OnModel) -> Iterator[Finding]:
    """Finds sigmoids, tanh, softmax and unit norms whose results have another grid than theirs.

    Why it matters: their results lie between known ends (0 and 1, -1 and 1), and quantisers and
    NNAPI fix the grid to 256 steps between these. On another one the runtime may refuse the
    operator, a driver may compute on its own grid regardless, and steps are wasted.

    Example: TANH of int8 with scale 0.01: 1/128 and zero point 0 are what NNAPI knows.

    What to do: quantise again with the grid that the finding states.

    Limits: what TensorFlow Lite refuses to prepare is told by NPU120. For uint8, only what a
    kernel itself says is known.
    """
    for facts in here.facts.graphs:
        refused = {obstacle.node for obstacle in facts.unprepared}
        found: list[tuple[Node, str]] = []
        unclear: list[Node] = []
        sources: dict[Evidence, None] = {}
        for node in facts.ordered(*grids.FIXED_GRID):
            made = facts.result(node)
            fixed = grids.FIXED_GRID[node.op].get(made.dtype or "") if made else None
            if made is None or fixed is None or node.index in refused:
                continue
            wanted = Quantisation((fixed.scale,), (fixed.zero_point,))
            if made.quantisation is None:
                unclear.append(node)
            elif not one_grid(made.quantisation, wanted, made.dtype or ""):
                why = f"its result has {_grid(made.quantisation)}; {_grid(wanted)} is taken"
                found.append((node, why))
                sources[Evidence(f"{node.op} of {made.dtype}: {_grid(wanted)}", fixed.source)] = (
                    None
                )
        yield from _by_operator(here, found, sources)
        yield from here.unsure(unclear, "its result states no scale")


@model_rule("NPU607", "eight-bit-image", "warning", since="0.1.0")
def eight_bit_image(here: OnModel) -> Iterator[Finding]:
    """Finds 8-bit networks whose output is an image at the resolution of the input or above.

    Why it matters: in restoration the network's own error is a few steps of 8 bits, and rounding
    each feature map to 256 steps adds to it: flat areas band, shadows lose detail. A classifier
    does not notice, an image shows it.

    Example: a deblurring U-Net: 31.87 dB in float, 29.66 dB after 8-bit post-training
    quantisation, 31.03 dB with quantisation-aware training, 31.87 dB at 16 bits.

    What to do: measure PSNR on images before shipping (`npulint verify FLOAT INT8 --inputs`);
    train with quantisation in the loop, leave the last layers in float, or take float16 or 16-bit
    activations where the phone has them.

    Limits: told by types and shapes: an input of 1, 3 or 4 channels and an output of 3, 4 or as
    many, no smaller than the input. The figures are of one study; a network's own loss may be
    less or more.
    """
    facts = here.facts.main
    graph = facts.graph
    if not any(facts.by_op.get(op) for op in BIASED):
        return
    sources = [_image(graph, graph.values[index]) for index in graph.inputs if index >= 0]
    found: list[tuple[int, str]] = []
    for position, index in enumerate(graph.outputs):
        value = graph.values[index]
        if not is_eight_bit(facts, value):
            continue
        image = _image(graph, value)
        if image is None and (value.shape is None or _is_open(value)):
            why = f"the size of output {position}, made in 8 bits, is open"
            yield from here.unsure(graph.uses[index].makers, why)
        elif image is not None and any(_is_restored(image, each) for each in sources if each):
            found.append((index, f"output {position} ({'x'.join(map(str, image))})"))
    if found:
        shown = ", ".join(said for _, said in found[:3]) + (" ..." if len(found) > 3 else "")
        yield here.whole(
            f"an image at full resolution is made in 8 bits: {shown}; this cost a deblurring "
            "network 0.8 to 2.2 dB of PSNR in a published study, and 16 bits nothing",
            graph=graph,
            evidence=_COSTS,
            others=[node.index for index, _ in found for node in graph.uses[index].makers],
        )


def _image(graph: Graph, value: Value) -> tuple[int, int, int] | None:
    """Height, width and channels of a feature map whose sizes are known."""
    if value.shape is None or len(value.shape) != 4:
        return None
    order = (1, 2, 3) if graph.dialect == "tflite" else (2, 3, 1)
    height, width, channels = (value.shape[axis] for axis in order)
    if not (isinstance(height, int) and isinstance(width, int) and isinstance(channels, int)):
        return None
    return height, width, channels


def _is_open(value: Value) -> bool:
    """Whether a feature map has a size that is not known."""
    return value.rank == 4 and value.element_count is None


def _is_restored(image: tuple[int, int, int], source: tuple[int, int, int]) -> bool:
    """Whether an image is as large as what it was made of, and both are images by channels."""
    as_large = image[0] >= source[0] > 1 and image[1] >= source[1] > 1
    return as_large and source[2] in _IMAGE and (image[2] in (3, 4) or image[2] == source[2])


def _by_operator(
    here: OnModel, found: list[tuple[Node, str]], evidence: Iterable[Evidence]
) -> Iterator[Finding]:
    """One finding an operator, at the first of its nodes."""
    shown = tuple(evidence)
    alike: dict[str, list[tuple[Node, str]]] = {}
    for node, why in found:
        alike.setdefault(node.op, []).append((node, why))
    for those in alike.values():
        node, why = those[0]
        more = f" (and {len(those) - 1} more)" if len(those) > 1 else ""
        others = [each.index for each, _ in those]
        sources = shown or (
            Evidence(f"{node.op}: one grid", grids.quantiser(grids.ONE_GRID[node.op].lines)),
        )
        yield here.at(node, why + more, evidence=sources, others=others)


RULES: tuple[Rule, ...] = (
    foreign_bias_scale,
    unequal_grids,
    foreign_result_grid,
    eight_bit_image,
)
