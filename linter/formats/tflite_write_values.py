"""Values of a model -> `Tensor` tables and the buffers behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from npulint.errors import InvalidModelError
from npulint.formats.checks import check_constant, place
from npulint.formats.flatbuffer_build import Table
from npulint.formats.tflite_tensors import dtype_of

if TYPE_CHECKING:
    from npulint.formats.flatbuffer_schema import Schema
    from npulint.formats.output import Content
    from npulint.model import Constant, Graph, Model, Shape, Value


class NewBuffers:
    """The buffers of a model: those of its file at their places, new ones behind them.

    A buffer that nothing refers to any more is emptied and not taken out, since metadata and
    custom operators may know the others by their numbers.

    Args:
        tables: The buffers of the file.
        source: What the file holds.
        tensors: The tensors of the file, by graph.

    Attributes:
        tables: The buffers as they are to be written.
    """

    def __init__(
        self, tables: list[Table], source: Model | None, tensors: list[list[Table]]
    ) -> None:
        self.tables = list(tables) or [Table("Buffer", {})]
        self._tensors = tensors
        self._used: set[int] = set()
        self._new: dict[Content, int] = {}
        self._source = source
        self._stored: dict[Content, int] | None = None

    def keep(self, index: int) -> None:
        """Note that a buffer of the file is still in use."""
        self._used.add(index)

    def add(self, constant: Constant) -> int:
        """A buffer with the bytes of a constant, the file's own where it has those bytes."""
        content: Content = b"" if constant.payload is None else constant.payload
        if constant.payload is None and constant.storage is not None:
            content = constant.storage
            if content.encoding != "raw":
                content = constant.read().tobytes()
        index = self._new.get(content)
        if index is None and constant.storage is not None:
            index = self._places().get(content)
        if index is None:
            index = len(self.tables)
            self.tables.append(Table("Buffer", {"data": content}))
        self._new[content] = index
        self._used.add(index)
        return index

    def finish(self, entries: list[Table], inside: set[int]) -> None:
        """Empty the buffers that have fallen out of use.

        Args:
            entries: The metadata of the file.
            inside: The buffers that metadata refers to now.
        """
        parts = (*entries, *(tensor for graph in self._tensors for tensor in graph))
        before = {part.fields.get("buffer", 0) for part in parts}
        for index in before - self._used - inside:
            self.tables[index] = Table("Buffer", {})

    def _places(self) -> dict[Content, int]:
        """The buffers of the file by where their bytes lie."""
        if self._stored is None:
            graphs = self._source.graphs if self._source is not None else ()
            self._stored = {
                value.constant.storage: table.fields.get("buffer", 0)
                for graph, tables in zip(graphs, self._tensors, strict=True)
                for value, table in zip(graph.values, tables, strict=True)
                if value.constant is not None and value.constant.storage is not None
            }
        return self._stored


class NewTensors:
    """Makes the `Tensor` tables of one model.

    Args:
        schema: The schema.
        buffers: Where the constants go.
    """

    def __init__(self, schema: Schema, buffers: NewBuffers) -> None:
        names = schema.names("TensorType")
        self._types = {dtype_of(name): number for number, name in enumerate(names)}
        self._buffers = buffers

    def table(self, graph: Graph, value: Value, was: Value | None, old: Table | None) -> Table:
        """The table of one value.

        Args:
            graph: Its graph.
            value: The value.
            was: What it was in the file, if it was there.
            old: Its table in the file.

        Raises:
            InvalidModelError: It contradicts itself or is nothing that the schema can say.
        """
        if was is None or old is None:
            was, old = None, Table("Tensor", {"has_rank": True})
        if value == was or (was is not None and _same(value, was)):
            self._buffers.keep(old.fields.get("buffer", 0))
            return old
        at = place(graph, value)
        fields = dict(old.fields)
        for name, before, now in (
            ("name", was and was.name, value.name),
            ("type", was and was.dtype, value.dtype),
            ("shape", was and was.shape, value.shape),
            ("shape_signature", was and was.shape_signature, value.shape_signature),
            ("is_variable", was and was.variable, value.variable),
        ):
            if was is None or now != before:
                fields[name] = self._plain(at, name, now)
        signature = value.shape_signature
        if signature is not None and value.shape is not None and len(signature) != len(value.shape):
            raise InvalidModelError(
                f"{at} has shape {value.shape}, but shape signature {signature}; both have one rank"
            )
        if was is None or value.quantisation != was.quantisation:
            fields["quantization"] = _quantisation(value)
        self._constant(at, value, was, fields)
        return Table("Tensor", fields)

    def _constant(self, at: str, value: Value, was: Value | None, fields: dict[str, Any]) -> None:
        constant = value.constant
        described = was is not None and (value.dtype, value.shape) == (was.dtype, was.shape)
        if constant is not None and not (described and was and constant == was.constant):
            if value.variable:
                raise InvalidModelError(f"{at} is a variable and a constant; it can be one of them")
            if was is None or constant != was.constant:
                check_constant(at, value, constant)
                fields["buffer"] = self._buffers.add(constant)
                fields["sparsity"] = None
                fields["external_buffer"] = 0
                return
            if constant.shape != value.shape or constant.dtype != value.dtype:
                check_constant(at, value, constant)
        elif constant is None and was is not None and was.constant is not None:
            fields["buffer"] = 0
            fields["sparsity"] = None
        self._buffers.keep(fields.get("buffer", 0))

    def _plain(self, at: str, name: str, value: Any) -> Any:
        """A field of a tensor that stands for one of a value's."""
        if name == "type":
            number = self._types.get(value)
            if number is None:
                raise InvalidModelError(
                    f"{at} has element type {value}; TFLite takes {', '.join(self._types)}"
                )
            return number
        if name == "shape":
            return self._sizes(at, value, "a shape")
        if name == "shape_signature":
            return None if value is None else self._sizes(at, value, "a shape signature")
        return value

    def _sizes(self, at: str, shape: Shape | None, what: str) -> tuple[int, ...]:
        sizes = [-1 if size is None else size for size in shape or ()]
        numbers = tuple(size for size in sizes if isinstance(size, int))
        if shape is None or len(numbers) < len(sizes):
            raise InvalidModelError(f"{at} has {what} {shape}; in TFLite it is a list of numbers")
        return numbers


def _same(value: Value, was: Value) -> bool:
    """Whether a value is as it was but for its position."""
    return (
        value.name == was.name
        and value.dtype == was.dtype
        and value.shape == was.shape
        and value.constant == was.constant
        and value.quantisation == was.quantisation
        and value.shape_signature == was.shape_signature
        and value.variable == was.variable
    )


def _quantisation(value: Value) -> Table | None:
    given = value.quantisation
    if given is None:
        return None
    fields = {
        "scale": given.scales,
        "zero_point": given.zero_points or (0,) * len(given.scales),
        "quantized_dimension": given.axis,
    }
    return Table("QuantizationParameters", fields)
