"""TFLite graphs drawn layer by layer; their weights have shapes and no elements."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from npulint.model import Constant, Graph, Model, Node, Quantisation, Value

FLOAT = "float32"
_CODES = {"int32": "i", "float32": "f"}


class Drawing:
    """A graph in the making; a layer is given values by position and returns its result's."""

    def __init__(self, height: int, width: int, channels: int = 3, dtype: str = FLOAT) -> None:
        self.dtype = dtype
        self.values: list[Value] = []
        self.nodes: list[Node] = []
        self.image = self._value((1, height, width, channels))

    def shape(self, value: int) -> tuple[int, ...]:
        shape = self.values[value].shape
        assert shape is not None
        return tuple(size for size in shape if isinstance(size, int))

    def graph(self) -> Graph:
        read = {index for node in self.nodes for index in node.inputs}
        made = [index for node in self.nodes for index in node.outputs]
        return Graph(
            index=0,
            name="main",
            dialect="tflite",
            values=tuple(self.values),
            nodes=tuple(self.nodes),
            inputs=(self.image,),
            outputs=tuple(index for index in made if index not in read),
        )

    def model(self) -> Model:
        return model_of(self.graph())

    def conv(
        self, x: int, channels: int, kernel: int | tuple[int, int] = 3, stride: int = 1
    ) -> int:
        _, height, width, depth = self.shape(x)
        high, wide = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        weights = self._weights((channels, high, wide, depth))
        shape = (1, -(-height // stride), -(-width // stride), channels)
        return self._add(
            "CONV_2D", (x, weights, self._bias(channels)), shape, **_window(stride),
            dilation_w_factor=1, dilation_h_factor=1,
        )  # fmt: skip

    def transpose_conv(self, x: int, channels: int, kernel: int = 2, stride: int = 2) -> int:
        _, height, width, depth = self.shape(x)
        shape = (1, height * stride, width * stride, channels)
        weights = self._weights((channels, kernel, kernel, depth))
        inputs = (self._stored((4,), "int32", shape), weights, x, self._bias(channels))
        return self._add("TRANSPOSE_CONV", inputs, shape, **_window(stride))

    def prelu(self, x: int) -> int:
        return self._add("PRELU", (x, self._weights((1, 1, self.shape(x)[3]))), self.shape(x))

    def concat(self, *parts: int) -> int:
        *outer, _ = self.shape(parts[0])
        depth = sum(self.shape(part)[3] for part in parts)
        options = {"axis": 3, "fused_activation_function": "NONE"}
        return self._add("CONCATENATION", parts, (*outer, depth), **options)

    def depth_to_space(self, x: int) -> int:
        _, height, width, depth = self.shape(x)
        shape = (1, height * 2, width * 2, depth // 4)
        return self._add("DEPTH_TO_SPACE", (x,), shape, block_size=2)

    def space_to_depth(self, x: int) -> int:
        _, height, width, depth = self.shape(x)
        shape = (1, height // 2, width // 2, depth * 4)
        return self._add("SPACE_TO_DEPTH", (x,), shape, block_size=2)

    def resize(
        self,
        x: int,
        like: int | None = None,
        op: str = "RESIZE_BILINEAR",
        *,
        half_pixel: bool = False,
    ) -> int:
        _, height, width, depth = self.shape(x)
        size = (height * 2, width * 2) if like is None else self.shape(like)[1:3]
        options = {"align_corners": False, "half_pixel_centers": half_pixel}
        inputs = (x, self._stored((2,), "int32", size))
        return self._add(op, inputs, (1, *size, depth), **options)

    def pool(self, x: int, kernel: int = 2, stride: int = 2, op: str = "MAX_POOL_2D") -> int:
        _, height, width, depth = self.shape(x)
        shape = (1, -(-height // stride), -(-width // stride), depth)
        options = {"filter_width": kernel, "filter_height": kernel}
        return self._add(op, (x,), shape, **_window(stride), **options)

    def pair(self, op: str, x: int, y: int) -> int:
        """ADD, SUB, SQUARED_DIFFERENCE ... of two values."""
        return self._add(op, (x, y), self.shape(x), fused_activation_function="NONE")

    def scale(self, x: int) -> int:
        factor = self._stored((), FLOAT, (0.17,))
        return self._add("MUL", (x, factor), self.shape(x), fused_activation_function="NONE")

    def mean(self, x: int, axes: tuple[int, ...]) -> int:
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(self.shape(x)))
        inputs = (x, self._stored((len(axes),), "int32", axes))
        return self._add("MEAN", inputs, shape, keep_dims=True)

    def simple(self, op: str, x: int, **options: Any) -> int:
        """An operator of one operand that keeps its shape: TANH, RSQRT ..."""
        return self._add(op, (x,), self.shape(x), **options)

    def _add(self, op: str, inputs: tuple[int, ...], shape: tuple[int, ...], **options: Any) -> int:
        result = self._value(shape)
        self.nodes.append(Node(0, len(self.nodes), op, 1, inputs, (result,), options))
        return result

    def _value(self, shape: tuple[int, ...], dtype: str | None = None, **more: Any) -> int:
        kind = dtype or self.dtype
        quantisation = Quantisation((0.5,), (0,)) if kind in {"int8", "uint8"} else None
        index = len(self.values)
        self.values.append(
            Value(index, f"v{index}", kind, shape, quantisation=quantisation, **more)
        )
        return index

    def _weights(self, shape: tuple[int, ...]) -> int:
        return self._value(shape, constant=Constant(self.dtype, shape, None, None, 0))

    def _bias(self, channels: int) -> int:
        kind = FLOAT if self.dtype == FLOAT else "int32"
        return self._value((channels,), kind, constant=Constant(kind, (channels,), None, None, 0))

    def _stored(self, shape: tuple[int, ...], dtype: str, elements: tuple[float, ...]) -> int:
        payload = struct.pack(f"<{len(elements)}{_CODES[dtype]}", *elements)
        stored = Constant(dtype, shape, payload, None, len(payload))
        return self._value(shape, dtype, constant=stored)


def _window(stride: int) -> Mapping[str, Any]:
    return {
        "padding": "SAME",
        "stride_w": stride,
        "stride_h": stride,
        "fused_activation_function": "NONE",
    }


def model_of(*graphs: Graph) -> Model:
    """A model of graphs that were never in a file."""
    return Model(
        path=Path("drawn"),
        dialect=graphs[0].dialect,
        size=0,
        digest="0" * 64,
        graphs=graphs,
        weight_bytes=0,
    )
