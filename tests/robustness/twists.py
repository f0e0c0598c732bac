"""Files that are well formed and whose contents make no sense.

A random change of bytes mostly breaks the framing, and the reader refuses. These decode a real
file with the format's own generated code, change what it says and encode it again, so that the
nonsense reaches everything behind the reader.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import ModelProto

from tests.robustness.mutants import ABSURD, Draw, Seed

_WORDS = ("", "x", "axis", "nowhere", "SAME_UPPER", "é\u202e", "a\x1b[31m\nb", "N" * 300)
_REALS = (0.0, -0.0, 1.0, -1.0, 0.5, float("inf"), float("-inf"), float("nan"), 1e-42, 3e38)
_OPERATORS = (
    "Conv", "ConvTranspose", "MaxPool", "Resize", "Reshape", "Split", "Slice", "Pad", "Gemm",
    "Concat", "Transpose", "Squeeze", "Unsqueeze", "Gather", "ReduceSum", "Softmax", "Cast",
    "BatchNormalization", "InstanceNormalization", "LayerNormalization", "MatMul", "Where",
    "Expand", "Tile", "TopK", "CumSum", "OneHot", "DepthToSpace", "ScatterND", "GatherElements",
    "Clip", "PRelu", "LSTM", "Einsum", "QuantizeLinear", "DequantizeLinear", "If", "Constant",
    "GlobalAveragePool", "GroupNormalization", "GridSample", "Mod", "Shape", "Dropout", "Upsample",
    "ConstantOfShape", "Identity", "ReverseSequence", "LpNormalization", "Flatten", "ArgMax",
)  # fmt: skip


def twist(draw: Draw, seed: Seed) -> bytes:
    """Change what a real file says in one to five places, and keep it well formed."""
    if seed.suffix == ".onnx":
        return _twist_onnx(draw, seed.data)
    return _twist_tflite(draw, seed.data)


def _twist_onnx(draw: Draw, data: bytes) -> bytes:
    model = ModelProto.FromString(data)
    for _ in range(draw(1, 5)):
        messages = list(_messages(model))
        # Most of what a file has is names and weights; nodes and attributes are worth more.
        nodes = [m for m in messages if m.DESCRIPTOR.name in ("NodeProto", "AttributeProto")]
        pool = nodes if nodes and draw(0, 2) else messages
        _change_message(draw, pool[draw(0, len(pool) - 1)], messages)
    return model.SerializeToString()


def _messages(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in value if field.is_repeated else [value]:
                yield from _messages(each)


def _change_message(draw: Draw, message: Message, messages: list[Message]) -> None:
    present = [field for field, _ in message.ListFields()]
    fields = present if present and draw(0, 3) else list(message.DESCRIPTOR.fields)
    field = fields[draw(0, len(fields) - 1)]
    if not draw(0, 7):
        message.ClearField(field.name)
    elif field.is_repeated:
        _change_list(draw, field, getattr(message, field.name), messages)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        _copy_alike(draw, getattr(message, field.name), messages)
    elif field.name == "op_type":
        setattr(message, field.name, _OPERATORS[draw(0, len(_OPERATORS) - 1)])
    else:
        setattr(message, field.name, _scalar(draw, field, messages))


def _change_list(draw: Draw, field: FieldDescriptor, items: Any, messages: list[Message]) -> None:
    action = draw(0, 3) if items else 3
    place = draw(0, len(items) - 1) if items else 0
    if action == 0:
        del items[place]
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        target = items[place] if action == 1 else items.add()
        _copy_alike(draw, target, messages)
    elif action == 1:
        items[place] = _scalar(draw, field, messages)
    else:
        for _ in range(draw(1, 3)):
            items.insert(place, _scalar(draw, field, messages))


def _copy_alike(draw: Draw, target: Message, messages: list[Message]) -> None:
    """Make a message equal to another one of its kind, anywhere in the file."""
    alike = [m for m in messages if m.DESCRIPTOR is target.DESCRIPTOR and m is not target]
    if alike:
        copy = type(target)()
        copy.CopyFrom(alike[draw(0, len(alike) - 1)])
        if copy.ByteSize() < 50_000:
            target.CopyFrom(copy)


def _scalar(draw: Draw, field: FieldDescriptor, messages: list[Message]) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        word = _word(draw, messages)
        return word.encode() if field.type == FieldDescriptor.TYPE_BYTES else word
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return _REALS[draw(0, len(_REALS) - 1)]
    if field.enum_type is not None:
        numbers = list(field.enum_type.values_by_number)
        return numbers[draw(0, len(numbers) - 1)]
    bits = 32 if kind in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32) else 64
    value = _integer(draw) % (1 << bits)
    signed = kind in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def _integer(draw: Draw) -> int:
    return ABSURD[draw(0, len(ABSURD) - 1)] if not draw(0, 2) else draw(-5, 20)


def _word(draw: Draw, messages: list[Message]) -> str:
    """A word of ours, or a name that the file has elsewhere."""
    named = [m.name for m in messages if getattr(m, "name", "")]
    return _WORDS[draw(0, len(_WORDS) - 1)] if not named or draw(0, 1) else named[
        draw(0, len(named) - 1)
    ]  # fmt: skip


def _twist_tflite(draw: Draw, data: bytes) -> bytes:
    for _ in range(4):
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        for _ in range(draw(1, 5)):
            tables = list(_tables(model))
            parts = [t for t in tables if not isinstance(t, (schema.BufferT, schema.MetadataT))]
            pool = parts if draw(0, 9) else tables
            _change_table(draw, pool[draw(0, len(pool) - 1)], tables)
        try:
            builder = flatbuffers.Builder(1024)
            builder.Finish(model.Pack(builder), b"TFL3")
            return bytes(builder.Output())
        except (TypeError, AttributeError, ValueError, struct.error):
            continue  # the generated code writes no number beyond its field
    return data


def _tables(table: Any) -> Iterator[Any]:
    yield table
    for value in vars(table).values():
        for each in value if isinstance(value, list) else [value]:
            if hasattr(each, "Pack"):
                yield from _tables(each)


def _change_table(draw: Draw, table: Any, tables: list[Any]) -> None:
    fields = [name for name in sorted(vars(table)) if not callable(getattr(table, name))]
    if not fields:
        return
    name = fields[draw(0, len(fields) - 1)]
    setattr(table, name, _changed(draw, getattr(table, name), tables))


def _changed(draw: Draw, value: Any, tables: list[Any]) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, np.integer)):
        return _integer(draw)
    if isinstance(value, float):
        return _REALS[draw(0, len(_REALS) - 1)]
    if isinstance(value, (bytes, str)):
        return _WORDS[draw(0, len(_WORDS) - 1)].encode()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list) and value:
        return _changed_list(draw, list(value), tables)
    alike = [t for t in tables if type(t) is type(value)]
    return alike[draw(0, len(alike) - 1)] if alike and draw(0, 2) else None


def _changed_list(draw: Draw, items: list[Any], tables: list[Any]) -> list[Any]:
    place = draw(0, len(items) - 1)
    match draw(0, 3):
        case 0:
            del items[place]
        case 1:
            items.insert(place, items[draw(0, len(items) - 1)])
        case 2 if not hasattr(items[place], "Pack"):
            items[place] = _changed(draw, items[place], tables)
        case _:
            other = draw(0, len(items) - 1)
            items[place], items[other] = items[other], items[place]
    return items
