"""The tensors of a TFLite graph and the buffers behind them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from npulint.formats.flatbuffer import shown
from npulint.model import INLINE_LIMIT, ITEM_BITS, Constant, Quantisation, Shape, Storage, Value

if TYPE_CHECKING:
    from npulint.formats.flatbuffer import FlatBuffer, Row
    from npulint.formats.tflite_external import ExternalBuffers

# Kernels stop at 8 dimensions and fewer; without a limit, the product of the sizes of one damaged
# tensor would take minutes.
_LARGEST_RANK = 32

_NAMES_OF_TYPES = {"FLOAT8_E4M3FN": "float8e4m3fn", "FLOAT8_E5M2": "float8e5m2"}


def dtype_of(type_name: str) -> str:
    """The element type that the schema calls `FLOAT32`, as models name it: `float32`."""
    return _NAMES_OF_TYPES.get(type_name) or type_name.lower()


class Buffers:
    """The buffers of a model, looked at when a tensor first refers to one."""

    def __init__(self, file: FlatBuffer, positions: tuple[int, ...]) -> None:
        self._file = file
        self._positions = positions
        self._spans: dict[int, tuple[int, int] | None] = {0: None}
        self._payloads: dict[int, bytes] = {}

    def span(self, index: int) -> tuple[int, int] | None:
        """Where the bytes of a buffer lie in the file.

        Args:
            index: Position in the model's list of buffers; 0 is the empty buffer.

        Returns:
            `(offset, length)`, or None for a buffer that stores nothing.
        """
        if index not in self._spans:
            self._spans[index] = self._find(index)
        return self._spans[index]

    def payload(self, index: int) -> bytes:
        """The bytes of a buffer that stores some; tensors that share it share them."""
        if index not in self._payloads:
            self._payloads[index] = self._file.bytes_at(*(self.span(index) or (0, 0)))
        return self._payloads[index]

    def __len__(self) -> int:
        return len(self._positions)

    def stored_bytes(self) -> int:
        """Bytes of all buffers that were asked for, each counted once."""
        return sum(span[1] for span in self._spans.values() if span is not None)

    def _find(self, index: int) -> tuple[int, int] | None:
        position = self._positions[index]
        row = self._file.row("Buffer", position)
        data: tuple[int, int] | None = row["data"]
        # An offset of 0 or 1 means that there is no data outside the flatbuffer, as the runtime
        # has it (tflite/core/interpreter_builder.cc, ParseTensors).
        if data is not None or row["offset"] <= 1:
            return data
        offset, size = row["offset"], row["size"]
        if offset + size > self._file.size:
            self._file.beyond(f"the data of buffer {index}", offset, offset + size)
        return offset, size


class Tensors:
    """Reads the tensors of one graph."""

    def __init__(
        self, file: FlatBuffer, buffers: Buffers, external: ExternalBuffers, graph: int
    ) -> None:
        self._file = file
        self._buffers = buffers
        self._external = external
        self._graph = graph
        self._dtypes = tuple(dtype_of(name) for name in file.schema.names("TensorType"))

    def values(self, positions: tuple[int, ...]) -> tuple[Value, ...]:
        """Read the tensors at the given places of the file."""
        return tuple([self._value(i, p) for i, p in enumerate(positions)])

    def _where(self, index: int, row: Row) -> str:
        return f"graph {self._graph}, value {index} ({shown(row['name'] or '')})"

    def _value(self, index: int, position: int) -> Value:
        row = self._file.row("Tensor", position)
        number = row["type"]
        if not 0 <= number < len(self._dtypes):
            self._file.fail(
                f"{self._where(index, row)} has element type {number}; the schema knows 0 to "
                f"{len(self._dtypes) - 1}",
                position,
            )
        dtype = self._dtypes[number]
        shape = self._shape(index, row, dtype, position)
        if row["buffer"] >= len(self._buffers):
            self._file.fail(
                f"{self._where(index, row)} refers to buffer {row['buffer']}, but the model has "
                f"{len(self._buffers)} buffers",
                position,
            )
        span = self._buffers.span(row["buffer"])
        if row["external_buffer"]:
            self._external.require(row["external_buffer"], self._where(index, row), position)
        if span is not None and (row["is_variable"] or row["external_buffer"]):
            self._file.fail(
                f"{self._where(index, row)} has stored data and is a variable or has external "
                "data too; the runtime takes one of them",
                position,
            )
        return Value(
            index=index,
            name=row["name"] or "",
            dtype=dtype,
            shape=shape,
            constant=None if span is None else self._constant(index, row, dtype, shape, span),
            quantisation=None
            if row["quantization"] is None
            else self._quantisation(index, row, shape),
            shape_signature=_signature(row["shape_signature"]),
            variable=row["is_variable"],
            origin=index,
        )

    def _shape(self, index: int, row: Row, dtype: str, position: int) -> Shape:
        sizes: tuple[int, ...] = row["shape"] or ()
        if len(sizes) > _LARGEST_RANK:
            self._file.fail(
                f"{self._where(index, row)} has {len(sizes)} dimensions; no operator takes more "
                f"than {_LARGEST_RANK}",
                position,
            )
        if not sizes or min(sizes) >= 0:
            return sizes
        if dtype in ITEM_BITS:
            self._file.fail(
                f"{self._where(index, row)} has shape {list(sizes)}; a static shape has no "
                "negative size (unknown sizes belong in the shape signature)",
                position,
            )
        return tuple(None if size < 0 else size for size in sizes)

    def _constant(
        self, index: int, row: Row, dtype: str, shape: Shape, span: tuple[int, int]
    ) -> Constant:
        offset, length = span
        sizes = tuple(size for size in shape if isinstance(size, int))
        sparse = row["sparsity"] is not None
        bits = ITEM_BITS.get(dtype)
        # The runtime refuses a model with too few bytes, and skips this check for what has no
        # fixed size and for sparse tensors (tflite/core/subgraph.cc, SetTensorParametersReadOnly).
        if bits is not None and not sparse:
            needed = (prod(sizes) * bits + 7) // 8
            if length < needed:
                self._file.fail(
                    f"{self._where(index, row)} of type {dtype} and shape {list(sizes)} needs "
                    f"{needed} bytes, but its buffer {row['buffer']} at byte {offset} stores "
                    f"{length}",
                    offset,
                )
        small = length <= INLINE_LIMIT and not sparse
        return Constant(
            dtype=dtype,
            shape=sizes,
            payload=self._buffers.payload(row["buffer"]) if small else None,
            storage=None if small else Storage(self._file.path, offset, length),
            nbytes=length,
            sparse=sparse,
        )

    def _quantisation(self, index: int, row: Row, shape: Shape) -> Quantisation | None:
        position = row["quantization"]
        stored = self._file.row("QuantizationParameters", position)
        scales, zero_points = stored["scale"], stored["zero_point"]
        # No scale is no quantisation (tflite/core/interpreter_builder.cc, ParseQuantization);
        # blockwise and multi-axis parameters are not affine ones, their scales are other tensors.
        if not scales or stored["details_type"] in (2, 3):
            return None
        axis = stored["quantized_dimension"]
        wrong = _wrong_quantisation(scales, zero_points, axis, shape)
        if wrong:
            self._file.fail(f"{self._where(index, row)} has {wrong}", position)
        return Quantisation(scales, zero_points, axis)


def _signature(sizes: tuple[int, ...] | None) -> Shape | None:
    if not sizes:
        return None
    return tuple([None if size < 0 else size for size in sizes])


def _wrong_quantisation(
    scales: tuple[float, ...], zero_points: tuple[int, ...] | None, axis: int, shape: Shape
) -> str:
    """What the runtime would not take about affine parameters; empty if it would take them."""
    if zero_points is None or len(zero_points) != len(scales):
        return (
            f"{len(scales)} scales and {len(zero_points or ())} zero points; the runtime takes as "
            "many of one as of the other"
        )
    if axis < 0 or (shape and axis >= len(shape)):
        return f"quantised dimension {axis}; its rank is {len(shape)}"
    if len(scales) != 1 and shape and len(scales) != shape[axis]:
        return (
            f"{len(scales)} scales along dimension {axis} of size {shape[axis]}; the runtime takes "
            "one scale or one for each slice"
        )
    return ""
