"""How an operator's operands and attributes are called, and what stands where a file is silent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx.defs
from onnx import helper
from qnn_answers import Case

NEWEST = onnx.defs.onnx_opset_version()

_TFLITE_OPERANDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D"), ("input", "filter", "bias")),
    "FULLY_CONNECTED": ("input", "weights", "bias"),
    "TRANSPOSE_CONV": ("output_shape", "filter", "input", "bias"),
    **dict.fromkeys(("SLICE",), ("input", "begin", "size")),
    "STRIDED_SLICE": ("input", "begin", "end", "strides"),
    **dict.fromkeys(("PAD", "MIRROR_PAD"), ("input", "paddings")),
    "PADV2": ("input", "paddings", "value"),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), ("input", "size")),
    **dict.fromkeys(("RESHAPE", "BROADCAST_TO"), ("input", "shape")),
    "TRANSPOSE": ("input", "perm"),
    **dict.fromkeys(("GATHER", "GATHER_ND"), ("input", "indices")),
    "PRELU": ("input", "alpha"),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN", "EXPAND_DIMS", "CUMSUM"), ("input", "axis")),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY",
                     "REDUCE_ALL", "REVERSE_V2"), ("input", "axes")),
    "SPLIT": ("axis", "input"),
    "SPLIT_V": ("input", "sizes", "axis"),
    "TILE": ("input", "multiples"),
    "TOPK_V2": ("input", "k"),
    **dict.fromkeys(("SELECT", "SELECT_V2"), ("condition", "yes", "no")),
    **dict.fromkeys(("BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"), ("input", "block", "borders")),
}  # fmt: skip
_PLACES = ("input", "other", "third", "fourth", "fifth", "sixth", "seventh", "eighth")

_VARIADIC = frozenset({"CONCATENATION", "PACK", "ADD_N"})
"""TFLite's operators of any number of operands."""

FUSED = "fused_activation_function"
ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1", "TANH")
"""The fused activations that LiteRT's plugin has an operator for (op_builder.cc 254-310)."""

# What ONNX's own text says of attributes that its schemas give no default value.
_ONES = ("strides", "dilations")
_ZEROS = ("pads", "output_padding")
_TEXTS = {"epsilon": 1e-05, "auto_pad": "NOTSET"}


@dataclass(frozen=True, slots=True)
class Form:
    """How an entry names what it speaks of.

    Attributes:
        operands: Names of inputs by position; the last stands for all that follow where it ends
            in `...`.
        defaults: Values of attributes where a file leaves them out.
        optional: Operands that some files leave out.
        result: Name of the first result, empty where nothing is known of its shape.
    """

    operands: tuple[str, ...]
    defaults: Mapping[str, Any]
    optional: frozenset[str]
    result: str = ""


def form_of(op: str, cases: Sequence[Case]) -> Form:
    """The names and defaults of an operator, for the operands that some case has."""
    dialect = cases[0].operation.dialect
    count = max(len(case.operation.inputs) for case in cases)
    if dialect == "tflite":
        named = _TFLITE_OPERANDS.get(op, _PLACES)
        names = ("inputs...",) if op in _VARIADIC else named[:count]
        return Form(names, {}, _absent(names, cases))
    schema = onnx.defs.get_schema(op, max(case.operation.version for case in cases))
    given = [each.name for each in schema.inputs]
    if (
        schema.inputs
        and schema.inputs[-1].option is onnx.defs.OpSchema.FormalParameterOption.Variadic
    ):
        names = (*given[: len(given) - 1], f"{given[-1].rstrip('_0')}...")
    else:
        names = tuple(given[:count])
    known = all(case.operation.outputs[0] is not None for case in cases)
    result = schema.outputs[0].name.rstrip("_0") if known and schema.outputs else ""
    result = f"{result}_out" if result in {each.removesuffix("...") for each in names} else result
    return Form(names, dict(_defaults(schema)), _absent(names, cases), result)


def _absent(names: Sequence[str], cases: Iterable[Case]) -> frozenset[str]:
    return frozenset(
        name
        for place, name in enumerate(names)
        if not name.endswith("...")
        for case in cases
        if place >= len(case.operation.inputs) or case.operation.inputs[place] is None
    )


def _defaults(schema: onnx.defs.OpSchema) -> Iterable[tuple[str, Any]]:
    for name, attribute in schema.attributes.items():
        if attribute.default_value.name:
            value = helper.get_attribute_value(attribute.default_value)
            yield name, value.decode() if isinstance(value, bytes) else value
        elif name in _ONES:
            yield name, [1, 1]
        elif name in _ZEROS:
            yield name, [0, 0, 0, 0]


def same_form(op: str, opset: int) -> tuple[int, int | None]:
    """The opsets in which an operator has the operands, attributes and defaults of one opset.

    Attributes that came later take nothing from the older form: files that do not state them mean
    their defaults.

    Returns:
        The first and the last of them; None for the last where the newest known is among them.
    """
    first = last = opset
    while first > 1 and _is_older_form(op, first - 1, opset):
        first -= 1
    while last < NEWEST and _signature(op, last + 1) == _signature(op, opset):
        last += 1
    return first, None if last == NEWEST else last


def _is_older_form(op: str, older: int, opset: int) -> bool:
    before, now = _signature(op, older), _signature(op, opset)
    return (
        before is not None
        and now is not None
        and (before[0] == now[0] and before[1].items() <= now[1].items())
    )


def _signature(op: str, opset: int) -> tuple[tuple[str, ...], dict[str, str]] | None:
    """Names of operands, and attributes with their defaults."""
    try:
        schema = onnx.defs.get_schema(op, opset)
    except onnx.defs.SchemaError:
        return None
    defaults = {name: str(value) for name, value in _defaults(schema)}
    attributes = {name: defaults.get(name, "") for name in schema.attributes}
    return tuple(each.name for each in schema.inputs), attributes
