"""The TFLite operations of one node, written down in the order in which a converter makes them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.model import ITEM_BITS, Constant, Operation, Value
from npulint.operators.layout import moves_nothing, permuted, store, to_onnx, to_stored
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.versions import operator_version

if TYPE_CHECKING:
    from npulint.model import Attribute, Quantisation, Shape

_STORED_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **{
            name: name
            for name in (
                "float32", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
                "bool", "int4", "complex64",
            )
        },
        # The converter computes in single precision whatever the file's own is.
        "float16": "float32",
        "float64": "float32",
        "bfloat16": "float32",
    }
)  # fmt: skip

_FUSED = ("fused_activation_function", "NONE")

# Options with the values that the converter gives them unless an emitter says otherwise.
_OPTIONS: Mapping[str, Mapping[str, Attribute]] = MappingProxyType(
    {
        "ADD": dict([_FUSED, ("pot_scale_int16", True)]),
        "SUB": dict([_FUSED, ("pot_scale_int16", True)]),
        "MUL": dict([_FUSED]),
        "DIV": dict([_FUSED]),
        "CONCATENATION": dict([_FUSED]),
        "CONV_2D": dict([_FUSED, ("dilation_w_factor", 1), ("dilation_h_factor", 1)]),
        "DEPTHWISE_CONV_2D": dict([_FUSED, ("dilation_w_factor", 1), ("dilation_h_factor", 1)]),
        "TRANSPOSE_CONV": dict([_FUSED]),
        "CONV_3D": dict([_FUSED]),
        "CONV_3D_TRANSPOSE": dict([_FUSED]),
        "MAX_POOL_2D": dict([_FUSED]),
        "AVERAGE_POOL_2D": dict([_FUSED]),
        "FULLY_CONNECTED": {
            "fused_activation_function": "NONE",
            "weights_format": "DEFAULT",
            "keep_num_dims": False,
            "asymmetric_quantize_inputs": False,
        },
        "BATCH_MATMUL": {"adj_x": False, "adj_y": False, "asymmetric_quantize_inputs": False},
        "RESIZE_BILINEAR": {"align_corners": False, "half_pixel_centers": False},
        "RESIZE_NEAREST_NEIGHBOR": {"align_corners": False, "half_pixel_centers": False},
        "STRIDED_SLICE": {
            "begin_mask": 0, "end_mask": 0, "ellipsis_mask": 0, "new_axis_mask": 0,
            "shrink_axis_mask": 0, "offset": False,
        },
        "SOFTMAX": {"beta": 1.0},
        "GATHER": {"axis": 0, "batch_dims": 0},
    }
)  # fmt: skip

_PACKED = MappingProxyType({"int32": "i", "int64": "q", "float32": "f", "bool": "?"})


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand of the ONNX node.

    Attributes:
        value: As the ONNX file has it.
        last: Whether the conversion has stored it channels last.
        folded: Whether it is a constant, or computed of constants alone.
    """

    value: Value
    last: bool
    folded: bool


def stored_type(dtype: str | None) -> str:
    """The element type in which the converted model holds an ONNX tensor.

    Raises:
        NoConversionError: It is not known, or TFLite has none like it.
    """
    if dtype is None:
        raise NoConversionError("the element type of an operand is not known")
    if dtype not in _STORED_TYPES:
        raise NoConversionError(f"element type {dtype} has no TFLite counterpart")
    return _STORED_TYPES[dtype]


def tensor(dtype: str, shape: Shape, quantisation: Quantisation | None = None) -> Value:
    """A made-up activation. Free sizes stand as 1, with the signature that marks them."""
    if all(isinstance(size, int) for size in shape):
        return Value(-1, "", dtype, shape, quantisation=quantisation)
    return Value(
        -1,
        "",
        dtype,
        tuple(size if isinstance(size, int) else 1 for size in shape),
        quantisation=quantisation,
        shape_signature=tuple(size if isinstance(size, int) else None for size in shape),
    )


def constant(dtype: str, shape: tuple[int, ...], elements: Sequence[float] | None = None) -> Value:
    """A made-up constant, with its elements where they matter."""
    count = 1
    for size in shape:
        count *= size
    payload = None
    if elements is not None:
        code = _PACKED[dtype]
        items = elements if code == "f" else [int(item) for item in elements]
        payload = struct.pack(f"<{len(items)}{code}", *items)
    nbytes = (count * ITEM_BITS[dtype] + 7) // 8
    return Value(-1, "", dtype, shape, Constant(dtype, shape, payload, None, nbytes))


def sizes(value: Value) -> Shape:
    """The shape with None for sizes that are free."""
    if value.shape is None:
        raise NoConversionError("the rank of an operand is not known")
    return value.shape if value.shape_signature is None else value.shape_signature


def known(shape: Shape) -> tuple[int, ...]:
    """The sizes of a shape that must be fixed."""
    found = tuple(size for size in shape if isinstance(size, int))
    if len(found) != len(shape):
        raise NoConversionError("a size that the conversion needs is free in this model")
    return found


class Tape:
    """Collects the operations that one node becomes.

    Args:
        operands: The node's operands, None where one is left out.
        results: The node's results as the ONNX file has them.
    """

    def __init__(
        self, operands: tuple[Operand | None, ...], results: tuple[Value | None, ...]
    ) -> None:
        self.operands = operands
        self.results = results
        self.operations: list[Operation] = []
        self.last = [False] * len(results)
        self.note = ""

    def given(self, position: int) -> bool:
        """Whether an operand is there."""
        return position < len(self.operands) and self.operands[position] is not None

    def operand(self, position: int) -> Operand:
        """An operand that the operator cannot do without."""
        found = self.operands[position] if position < len(self.operands) else None
        if found is None:
            raise NoConversionError(f"operand {position} is missing")
        return found

    def shape(self, position: int = 0) -> Shape:
        """The ONNX shape of an operand, symbolic sizes as None."""
        return _free(self.operand(position).value.shape, f"operand {position}")

    def result_shape(self, position: int = 0) -> Shape:
        """The ONNX shape of a result, symbolic sizes as None."""
        value = self.results[position]
        if value is None:
            raise NoConversionError("the result is not used")
        return _free(value.shape, "the result")

    def result_type(self, position: int = 0) -> str:
        """The element type of a result in the converted model."""
        value = self.results[position]
        if value is None or value.dtype is None:
            return self.type(0)
        return stored_type(value.dtype)

    def type(self, position: int = 0) -> str:
        """The element type of an operand in the converted model."""
        return stored_type(self.operand(position).value.dtype)

    def stored(self, position: int = 0) -> Value:
        """An operand as the converted model holds it, in whatever layout that is."""
        found = self.operand(position)
        value, shape = found.value, self.shape(position)
        last = found.last and not found.folded
        held = store(shape) if last else shape
        if found.folded:
            return self.folded(position, held)
        return tensor(stored_type(value.dtype), held, value.quantisation)

    def folded(self, position: int, shape: Shape) -> Value:
        """A constant operand, laid out anew while converting; its elements do not matter."""
        return constant(stored_type(self.operand(position).value.dtype), known(shape))

    def computed(self, dtype: str, shape: tuple[int, ...], *positions: int) -> Value:
        """What operands turn into: a constant if they all are, else a value made while running.

        Stands for bounds, amounts and counts whose elements the file does not show.
        """
        given = [self.operand(position) for position in positions if self.given(position)]
        if given and all(operand.folded for operand in given):
            return constant(dtype, shape)
        return tensor(dtype, shape)

    def in_layout(self, position: int, *, last: bool) -> Value:
        """An operand in a wanted layout, transposed where it has the other one."""
        found = self.operand(position)
        shape = self.shape(position)
        if found.folded:
            return self.folded(position, store(shape) if last else shape)
        held = self.stored(position)
        if found.last == last or len(shape) < 3:
            return held
        return self.transpose(held, to_stored(len(shape)) if last else to_onnx(len(shape)))

    def transpose(self, value: Value, permutation: Sequence[int]) -> Value:
        """TRANSPOSE, or RESHAPE where no element moves, or nothing."""
        shape = sizes(value)
        target = permuted(shape, permutation)
        if list(permutation) == list(range(len(shape))):
            return value
        if moves_nothing(shape, permutation):
            return value if target == shape else self.reshape(value, target)
        order = constant("int32", (len(shape),), list(permutation))
        return self.add("TRANSPOSE", [value, order], tensor(_type_of(value), target))

    def reshape(self, value: Value, shape: Shape) -> Value:
        """RESHAPE to a shape of which at most one size is free."""
        free = sum(not isinstance(size, int) for size in shape)
        if free > 1:
            raise NoConversionError("more than one size of a RESHAPE is free")
        latest = self.operations[-1] if self.operations else None
        if latest is not None and latest.op == "RESHAPE" and latest.outputs[0] is value:
            # The converter merges a reshape of a reshape.
            value = latest.inputs[0] or value
            self.operations.pop()
        wanted = [size if isinstance(size, int) else -1 for size in shape]
        target = constant("int32", (len(shape),), wanted)
        return self.add(
            "RESHAPE", [value, target], tensor(_type_of(value), shape), new_shape=tuple(wanted)
        )

    def add(
        self, op: str, inputs: Sequence[Value | None], result: Value, **options: Attribute
    ) -> Value:
        """Write down a builtin operator with one result."""
        self.write(op, inputs, (result,), **options)
        return result

    def write(
        self,
        op: str,
        inputs: Sequence[Value | None],
        results: Sequence[Value | None],
        **options: Attribute,
    ) -> None:
        """Write down a builtin operator."""
        attributes = {**_OPTIONS.get(op, {}), **options}
        draft = Operation("tflite", op, 1, tuple(inputs), tuple(results), attributes)
        self.operations.append(replace(draft, version=operator_version(draft)))

    def like(self, value: Value, dtype: str | None = None) -> Value:
        """A fresh activation of the same shape."""
        return tensor(dtype or _type_of(value), sizes(value))

    def finish(self, *, last: bool, position: int = 0) -> None:
        """Note the layout in which a result is left."""
        self.last[position] = last


def _free(shape: Shape | None, what: str) -> Shape:
    if shape is None:
        raise NoConversionError(f"the rank of {what} is not known")
    return tuple(size if isinstance(size, int) else None for size in shape)


def _type_of(value: Value) -> str:
    if value.dtype is None:
        raise NoConversionError("the element type of an operand is not known")
    return value.dtype
