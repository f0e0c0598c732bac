"""Conditions of Qualcomm's HTP that the closed vocabulary cannot say, with their sentences.

Lines are those of google-ai-edge/LiteRT litert/vendors/qualcomm/core/builders/ @f6745779 and of
onnxruntime/onnxruntime-qnn onnxruntime/core/providers/qnn/builder/ @cee6c0d9.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from npulint.model import Graph, Node, Operation, Value
from npulint.opsets import measures
from npulint.opsets.predicates import Judgement, Predicate
from npulint.opsets.relations import show
from npulint.opsets.vocabulary import Truth

_SIDES = (("height", 1, "h"), ("width", 2, "w"))
"""Axes of an image and of a kernel, and what ends the names of their attributes."""

_VOLUME = (("d", 1, 0), ("h", 2, 1), ("w", 3, 2))
"""What ends the names of attributes, and the axes of a volume and of its kernel."""


def _window_fits(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """That a kernel that nothing is added to the image for is no longer than the image."""
    if operation.attributes.get("padding") != "VALID":
        return True, "of a padded image"
    image, window = values
    sides = _VOLUME if image.rank == len("NDHWC") else [(c, at, at) for _, at, c in _SIDES]
    found = []
    for letter, axis, along in sides:
        size, kernel = measures.size_of(axis)(image), measures.size_of(along)(window)
        dilation = operation.attributes.get(f"dilation_{letter}_factor", 1)
        if not (isinstance(size, int) and isinstance(kernel, int) and isinstance(dilation, int)):
            return None, "of unknown size"
        found.append((size, (kernel - 1) * dilation + 1))
    told = f"{' x '.join(str(reach) for _, reach in found)} elements long"
    return all(reach <= size for size, reach in found), told


def _upsampled(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """transpose_conv_op_builder.cc 115-135, op_builder.cc 25-58.

    The builder pads as a convolution of the *input* would be padded, and the compiler then works
    the output's size out itself. Where nothing is padded it takes up to a stride more.
    """
    wanted, kernel, image = values
    sizes, padding = measures.integers(wanted), operation.attributes.get("padding")
    if sizes is None or len(sizes) != 4:
        return None, "unknown"
    truths, found = [], []
    for name, axis, letter in _SIDES:
        stride = operation.attributes.get(f"stride_{letter}")
        size, length = measures.size_of(axis)(image), measures.size_of(axis)(kernel)
        if not (isinstance(size, int) and isinstance(length, int) and isinstance(stride, int)):
            return None, "unknown"
        pads = _pads(size, length, stride) if padding == "SAME" else 0
        made = stride * (size - 1) + length - pads
        truths.append(_reached(sizes[axis] - made, pads, length, stride))
        found.append(f"{name} {show(sizes[axis])} where {made} is made")
    return _both(truths), ", ".join(found)


def _pads(size: int, length: int, stride: int) -> int:
    """What is added to an image for as many windows as there are strides in it."""
    windows = -(-size // stride)
    return max((windows - 1) * stride + length - size, 0)


def _reached(more: int, pads: int, length: int, stride: int) -> Truth:
    """Whether so many elements more than are made may be asked for."""
    if not more:
        return True
    if not 0 < more < stride:
        return None  # was never asked
    if pads:
        return False
    # With kernels as long as the stride it was only asked in float32, and could not be compiled.
    return None if length == stride else True


def _both(truths: list[Truth]) -> Truth:
    if False in truths:
        return False
    return None if None in truths else True


def _limits_in_order(_: Operation, values: tuple[Value, ...]) -> Judgement:
    low, high = map(_real, values)
    if low is None or high is None:
        return None, "unknown"
    return low <= high, f"{show(low)} and {show(high)}"


def _real(value: Value) -> float | None:
    """The number that a stored one stands for."""
    stored, steps = measures.first_element(value), value.quantisation
    if stored is None:
        return None
    if steps is None:
        return float(stored)
    scale, zero = steps.scale, steps.zero_point
    return None if scale is None or zero is None else scale * (stored - zero)


def _not_taken_for_gelu(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """qnn_node_group/gelu_fusion.cc 36-195, which looks at no factor."""
    graph = operation.graph
    if graph is None:
        return True, "alone"
    scaled = graph.uses[values[0].index].makers
    result = operation.outputs[0] if operation.outputs else None
    if result is None or [node.op for node in scaled] != ["Div"]:
        return True, "another"
    root = scaled[0].inputs[0]
    added = _only_reader(graph, result.index, "Add")
    product = None if added is None else _only_reader(graph, added.outputs[0], "Mul")
    if product is None:
        return True, "another"
    before = any(
        maker.op == "Mul" and root in maker.inputs
        for index in product.inputs
        if index >= 0
        for maker in graph.uses[index].makers
    )
    behind = root in product.inputs and _only_reader(graph, product.outputs[0], "Mul") is not None
    return not (before or behind), "Gelu's"


def _only_reader(graph: Graph, index: int, op: str) -> Node | None:
    """The node that alone reads a value, where it is of an operator."""
    readers = graph.uses[index].readers
    return readers[0] if [node.op for node in readers] == [op] else None


def _einsum_sizes(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """That terms agree in the sizes of their letters, or the second alone repeats what is kept."""
    equation = operation.attributes.get("equation")
    before, arrow, kept = str(equation).replace(" ", "").partition("->")
    terms = before.split(",")
    shapes = [value.shape for value in operation.inputs if value is not None]
    if not arrow or len(terms) != len(shapes) or len(terms) != len("xy"):
        return None, "of another form"
    sizes = []
    for term, shape in zip(terms, shapes, strict=True):
        if shape is None or len(shape) != len(term) or "." in term:
            return None, "of unknown size"
        sizes.append(dict(zip(term, shape, strict=True)))
    first, second = sizes
    for letter in sorted(first.keys() & second.keys()):
        one, other = first[letter], second[letter]
        if not (isinstance(one, int) and isinstance(other, int)):
            return None, "of unknown size"
        if one != other and not (other == 1 and letter in kept):
            return False, f"{one} and {other} of {letter}"
    return True, "alike"


QNN_PREDICATES: Mapping[str, Predicate] = MappingProxyType(
    {
        predicate.name: predicate
        for predicate in (
            Predicate(
                "qnn-window-fits",
                ("image", "kernel"),
                "the dilated kernel of {kernel}",
                "no longer than {image}, where padding is VALID",
                _window_fits,
            ),
            Predicate(
                "qnn-upsampled-size",
                ("sizes", "kernel", "image"),
                "the image that {sizes} asks for",
                "stride * (size of {image} - 1) + kernel - pads high and wide, pads being those "
                "of a convolution of {image}; without pads less than a stride more",
                _upsampled,
            ),
            Predicate(
                "qnn-not-taken-for-gelu",
                ("value",),
                "what is made of {value}",
                "of another form than `x / a`, Erf, `+ b`, `* x` and `* c`",
                _not_taken_for_gelu,
            ),
            Predicate(
                "qnn-einsum-sizes",
                ("value",),
                "the sizes that `equation` gives one letter in both operands",
                "the same, or 1 in the second where the letter is kept",
                _einsum_sizes,
            ),
            Predicate(
                "limits-in-order",
                ("low", "high"),
                "the pair of {low} and {high}",
                "in order, as the numbers that they stand for",
                _limits_in_order,
            ),
        )
    }
)
"""Every predicate of the HTP's tables by its word."""
