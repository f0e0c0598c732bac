"""Real model files, and what becomes of them in transit, in memory and in bad hands.

Changes are drawn from a `Draw`, which gives an integer of a range: hypothesis' own in the tests
that it shrinks, a seeded generator's where thousands of files are wanted quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from onnx import AttributeProto, ModelProto, TensorProto, helper

Draw: TypeAlias = Callable[[int, int], int]
"""An integer from the first to the last, both included."""

_ROOT = Path(__file__).parents[2]
TRUTH = _ROOT / "tests" / "truth" / "models"
EXPORTS = _ROOT / "reference_models" / "exports"

ABSURD = (
    0, 1, 2, 5, 127, 128, 255, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1,
    2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
_FLOAT = TensorProto.FLOAT


@dataclass(frozen=True)
class Seed:
    """A model file to start from, and the files that it wants beside it."""

    name: str
    data: bytes
    beside: tuple[tuple[str, bytes], ...] = ()

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix


def _floats(name: str, *sizes: Any) -> Any:
    return helper.make_tensor_value_info(name, _FLOAT, sizes)


def _weights(name: str, *sizes: int) -> TensorProto:
    count = 1
    for size in sizes:
        count *= size
    return helper.make_tensor(name, _FLOAT, sizes, [0.5] * count)


def _whole(name: str, *items: int) -> TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(items)], items)


def _model(main: Any, opset: int = 17, **more: Any) -> ModelProto:
    domains = {"": opset, **more.pop("opsets", {})}
    imports = [helper.make_opsetid(*pair) for pair in domains.items()]
    return helper.make_model(main, opset_imports=imports, ir_version=10, **more)


def control_flow() -> ModelProto:
    """An If within a Loop, a Scan, and values that bodies take from around them."""
    inner = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["r"])], "then", [], [_floats("r", 1, 3)]
    )
    other = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["s"])], "else", [], [_floats("s", 1, 3)]
    )
    turn = [
        helper.make_node("If", ["more"], ["b"], then_branch=inner, else_branch=other),
        helper.make_node("Identity", ["more"], ["again"]),
        helper.make_node("Mul", ["b", "state"], ["next"]),
    ]
    body = helper.make_graph(
        turn,
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("more", TensorProto.BOOL, []),
            _floats("state", 1, 3),
        ],
        [helper.make_tensor_value_info("again", TensorProto.BOOL, []), _floats("next", 1, 3)],
    )
    scanned = helper.make_graph(
        [helper.make_node("Add", ["a", "e"], ["t"]), helper.make_node("Relu", ["t"], ["u"])],
        "scanned", [_floats("a", 3), _floats("e", 3)], [_floats("t", 3), _floats("u", 3)],
    )  # fmt: skip
    nodes = [
        helper.make_node("Loop", ["n", "c", "x"], ["l"], body=body),
        helper.make_node("Scan", ["w0", "l"], ["z", "y"], body=scanned, num_scan_inputs=1),
    ]
    inputs = [_floats("x", 1, 3), helper.make_tensor_value_info("c", TensorProto.BOOL, [])]
    stored = [_weights("w", 1, 3), _weights("w0", 3), _whole("n", 4)]
    return _model(helper.make_graph(nodes, "main", inputs, [_floats("y", 1, 3)], stored))


def functions() -> ModelProto:
    """A function of the model's own that calls another."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    relu = helper.make_node("LeakyRelu", ["a"], ["b"])
    relu.attribute.append(
        AttributeProto(name="alpha", ref_attr_name="slope", type=AttributeProto.FLOAT)
    )
    inner = helper.make_function("f", "G", ["a"], ["b"], [relu], imports, ["slope"])
    call = helper.make_node("G", ["a"], ["t"], domain="f", slope=0.25)
    outer = helper.make_function(
        "f", "F", ["a"], ["b"], [call, helper.make_node("Relu", ["t"], ["b"])], imports
    )
    use = helper.make_node("F", ["x"], ["y"], domain="f")
    main = helper.make_graph([use], "main", [_floats("x", "N", 3)], [_floats("y", "N", 3)])
    return _model(main, opsets={"f": 1}, functions=[inner, outer])


def quantised() -> ModelProto:
    """A convolution between QuantizeLinear and DequantizeLinear, weights per channel."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
        helper.make_node("DequantizeLinear", ["wq", "ws", "wz"], ["wd"], axis=0),
        helper.make_node("Conv", ["xd", "wd"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "xs", "xz"], ["rq"]),
        helper.make_node("DequantizeLinear", ["rq", "xs", "xz"], ["y"]),
    ]
    stored = [
        helper.make_tensor("xs", _FLOAT, [], [0.05]),
        helper.make_tensor("xz", TensorProto.UINT8, [], [128]),
        helper.make_tensor("wq", TensorProto.INT8, [4, 3, 3, 3], [3] * 108),
        helper.make_tensor("ws", _FLOAT, [4], [0.1, 0.2, 0.3, 0.4]),
        helper.make_tensor("wz", TensorProto.INT8, [4], [0] * 4),
    ]
    main = helper.make_graph(
        nodes, "main", [_floats("x", 1, 3, 8, 8)], [_floats("y", 1, 4, 8, 8)], stored
    )
    return _model(main)


def operators() -> ModelProto:
    """Many operators whose constants and attributes configure them, and a sparse weight."""
    make = helper.make_node
    nodes = [
        make("Conv", ["x", "w"], ["h"], strides=[2, 2], pads=[1, 1, 1, 1], group=1),
        make("BatchNormalization", ["h", "v", "v", "v", "v"], ["bn"]),
        make("ConvTranspose", ["bn", "wt"], ["up"], strides=[2, 2], output_padding=[1, 1]),
        make("Resize", ["up", "", "two"], ["big"], mode="linear"),
        make("Slice", ["big", "zero", "three", "axis", "one"], ["cut"]),
        make("Pad", ["cut", "pads"], ["padded"], mode="reflect"),
        make("Transpose", ["padded"], ["turned"], perm=[0, 2, 3, 1]),
        make("Reshape", ["turned", "shape"], ["flat"]),
        make("MatMul", ["flat", "sparse"], ["product"]),
        make("ReduceMean", ["product"], ["mean"], axes=[-1], keepdims=1),
        make("Concat", ["mean", "product"], ["joined"], axis=-1),
        make("Split", ["joined", "parts"], ["left", "right"], axis=1),
        make("Unsqueeze", ["left", "axis"], ["wide"]),
        make("Softmax", ["right"], ["soft"], axis=-1),
        make("Gather", ["soft", "one"], ["picked"], axis=1),
        make("Cast", ["picked"], ["half"], to=TensorProto.FLOAT16),
        make("MaxPool", ["h"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        make("Clip", ["pooled", "low", "high"], ["y"]),
    ]
    values = helper.make_tensor("sparse", _FLOAT, [2], [1.5, 2.5])
    places = helper.make_tensor("places", TensorProto.INT64, [2], [0, 5])
    stored = [
        _weights("w", 4, 3, 3, 3), _weights("v", 4), _weights("wt", 4, 4, 3, 3),
        helper.make_tensor("two", _FLOAT, [4], [1, 1, 2, 2]),
        _whole("zero", 0), _whole("three", 3), _whole("axis", 2), _whole("one", 1),
        _whole("pads", 0, 0, 1, 1, 0, 0, 1, 1), _whole("shape", -1, 4), _whole("parts", 1, 3),
        helper.make_tensor("low", _FLOAT, [], [0.0]), helper.make_tensor("high", _FLOAT, [], [6.0]),
    ]  # fmt: skip
    main = helper.make_graph(
        nodes,
        "main",
        [_floats("x", 1, 3, 16, 16)],
        [_floats("y", 1, 4, 4, 4), _floats("half", "N", 1), _floats("wide", "N", 1, 1)],
        stored,
        sparse_initializer=[helper.make_sparse_tensor(values, places, [4, 3])],
    )
    return _model(main, producer_name="tests")


def external() -> tuple[ModelProto, bytes]:
    """A dense product whose weights lie in a file beside the model."""
    stored = TensorProto(
        name="w", dims=[160, 8], data_type=_FLOAT, data_location=TensorProto.EXTERNAL
    )
    for key, value in (("location", "weights.bin"), ("offset", "64"), ("length", "5120")):
        stored.external_data.add(key=key, value=value)
    nodes = [helper.make_node("Gemm", ["x", "w"], ["y"])]
    main = helper.make_graph(nodes, "main", [_floats("x", 1, 160)], [_floats("y", 1, 8)], [stored])
    return _model(main), bytes(5_184)


def onnx_seeds() -> list[Seed]:
    """ONNX files with all that the format knows, small enough for every byte to matter."""
    linear, weights = external()
    made = {
        "control_flow": control_flow(), "functions": functions(), "quantised": quantised(),
        "operators": operators(),
    }  # fmt: skip
    return [
        *(Seed(f"{name}.onnx", model.SerializeToString()) for name, model in made.items()),
        Seed("external.onnx", linear.SerializeToString(), (("weights.bin", weights),)),
        *_of_folder(EXPORTS, "*.onnx"),
    ]


def tflite_seeds(largest: int = 12_000) -> list[Seed]:
    """Real TFLite files, those small enough for a random change to hit more than weights."""
    found = [*_of_folder(TRUTH, "*.tflite"), *_of_folder(EXPORTS, "smallnet.tflite")]
    return [seed for seed in found if len(seed.data) <= max(largest, 25_000)]


def _of_folder(folder: Path, pattern: str) -> list[Seed]:
    return [Seed(path.name, path.read_bytes()) for path in sorted(folder.glob(pattern))]


def mutate(draw: Draw, seed: Seed, others: Sequence[Seed]) -> bytes:
    """A file after a few changes: bits, bytes, words, cuts, splices, absurd lengths."""
    data = bytearray(seed.data)
    for _ in range(draw(1, 3)):
        change = _CHANGES[draw(0, len(_CHANGES) - 1)]
        change(draw, data, others)
        if not data:
            data += b"\0"
    return bytes(data)


def _place(draw: Draw, data: bytearray) -> int:
    return draw(0, len(data) - 1)


def _flip(draw: Draw, data: bytearray, _: Sequence[Seed]) -> None:
    data[_place(draw, data)] ^= 1 << draw(0, 7)


def _set(draw: Draw, data: bytearray, _: Sequence[Seed]) -> None:
    data[_place(draw, data)] = draw(0, 255)


def _cut(draw: Draw, data: bytearray, _: Sequence[Seed]) -> None:
    del data[max(_place(draw, data), 1) :]


def _drop(draw: Draw, data: bytearray, _: Sequence[Seed]) -> None:
    place = max(_place(draw, data), 1)
    del data[place : place + draw(1, 40)]


def _splice(draw: Draw, data: bytearray, others: Sequence[Seed]) -> None:
    """A part of this or another file, put in between or over what is there."""
    source = others[draw(0, len(others) - 1)].data
    begin = draw(0, len(source) - 1)
    part = source[begin : begin + draw(1, 400)]
    place = _place(draw, data)
    data[place : place + (len(part) if draw(0, 1) else 0)] = part


def _word(draw: Draw, data: bytearray, _: Sequence[Seed]) -> None:
    """An aligned word of 2, 4 or 8 bytes: lengths, offsets, vtables, sizes, element types."""
    width = (2, 4, 4, 8)[draw(0, 3)]
    place = _place(draw, data) // width * width
    value = ABSURD[draw(0, len(ABSURD) - 1)] if draw(0, 1) else draw(0, 300)
    data[place : place + width] = (value % (1 << 8 * width)).to_bytes(width, "little")


def _nudge(draw: Draw, data: bytearray, _: Sequence[Seed]) -> None:
    """An aligned word a little larger or smaller, so that it points next to what it meant."""
    place = _place(draw, data) // 4 * 4
    value = int.from_bytes(data[place : place + 4], "little") + draw(-8, 8)
    data[place : place + 4] = (value % (1 << 32)).to_bytes(4, "little")


def _varint(draw: Draw, data: bytearray, _: Sequence[Seed]) -> None:
    """A protobuf integer in place of a byte."""
    value = ABSURD[draw(0, len(ABSURD) - 1)]
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    place = _place(draw, data)
    data[place : place + 1] = bytes([*encoded, value])


_CHANGES = (_flip, _flip, _set, _cut, _drop, _splice, _word, _word, _nudge, _varint)
