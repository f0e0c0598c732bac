"""Models of a few nodes in both formats, and the proof that a realisation computes the same."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))

import tflite_building as tflite

from npulint.fixers.legalise import Setting, build_fragment, legalise
from npulint.fixers.record import Family, Realisation, Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save
from npulint.model import Model
from npulint.opsets.registry import load_target
from npulint.verdict import Reason, Verdict, judge_graph

Array = npt.NDArray[Any]
OPSETS = (7, 9, 10, 11, 13, 17, 21)
_TYPES = {
    "float32": "FLOAT32",
    "int8": "INT8",
    "uint8": "UINT8",
    "int32": "INT32",
    "bool": "BOOL",
}


@dataclass(frozen=True)
class Call:
    """A node: operands are names of values or arrays that are stored."""

    op: str
    operands: Sequence[str | Array]
    results: Mapping[str, Sequence[int]]
    attributes: Mapping[str, Any]
    version: int = 1


@dataclass(frozen=True)
class Case:
    """A model, inputs for it, and a label for people."""

    path: Path
    xs: Mapping[str, Array]
    label: str


def onnx_case(
    folder: Path, xs: Mapping[str, Array], calls: Sequence[Call], opset: int, *results: str
) -> Case:
    stored, nodes = [], []
    for number, call in enumerate(calls):
        names = []
        for place, operand in enumerate(call.operands):
            name = operand if isinstance(operand, str) else f"c{number}_{place}"
            names.append(name)
            if not isinstance(operand, str):
                stored.append(numpy_helper.from_array(operand, name))
        nodes.append(
            helper.make_node(
                call.op, names, list(call.results), name=f"n{number}", **call.attributes
            )
        )
    shapes = {name: shape for call in calls for name, shape in call.results.items()}
    graph = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, list(x.shape))
            for name, x in xs.items()
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shapes[name]))
            for name in results or calls[-1].results
        ],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model)
    path = folder / "model.onnx"
    onnx.save(model, path)
    said = " ".join(f"{call.op} {call.attributes} {call.operands}" for call in calls)
    return Case(path, xs, f"{said} {[x.shape for x in xs.values()]} {opset=}")


def tflite_case(
    folder: Path,
    xs: Mapping[str, Array],
    calls: Sequence[Call],
    *results: str,
    quantised: tuple[float, int] | None = None,
) -> Case:
    """The options are those of the operator's own table, named in `attributes` as `table`.

    A convolution's weights and bias are on grids of their own where the data is on one.
    """
    tensors, buffers, place = [], [b""], {}
    dtype = str(next(iter(xs.values())).dtype)

    def held(name: str, shape: Sequence[int], kind: str, buffer: int = 0, slot: int = 0) -> int:
        fields = {}
        grid = quantised if kind == dtype else None
        if quantised is not None and slot:
            grid = (0.5, 0) if slot == 1 else (quantised[0] * 0.5, 0)
        if grid is not None:
            scale, zero = grid
            fields["quantization"] = tflite.table(
                "QuantizationParameters", scale=[scale], zero_point=[zero]
            )
        tensors.append(tflite.tensor(name, tuple(shape), _TYPES[kind], buffer, **fields))
        return len(tensors) - 1

    for name, x in xs.items():
        place[name] = held(name, x.shape, str(x.dtype))
    operators = []
    for number, call in enumerate(calls):
        inputs = []
        for position, operand in enumerate(call.operands):
            if isinstance(operand, str):
                inputs.append(place[operand])
                continue
            buffers.append(operand.tobytes())
            label = f"c{number}_{position}"
            slot = position if call.op in ("CONV_2D", "DEPTHWISE_CONV_2D") else 0
            inputs.append(held(label, operand.shape, str(operand.dtype), len(buffers) - 1, slot))
        for name, shape in call.results.items():
            place[name] = held(name, shape, dtype)
        fields = dict(call.attributes)
        options = tflite.table(fields.pop("table"), **fields) if fields else None
        outputs = [place[name] for name in call.results]
        operators.append(tflite.operator(number, inputs, outputs, options=options))
    graph = tflite.table(
        "SubGraph", tensors=tensors, inputs=[place[name] for name in xs],
        outputs=[place[name] for name in results or calls[-1].results], name=b"main",
        operators=operators,
    )  # fmt: skip
    model = tflite.table(
        "Model", version=3, subgraphs=[graph],
        operator_codes=[tflite.code(call.op, call.version) for call in calls],
        buffers=[
            tflite.table("Buffer", data=np.frombuffer(each, np.uint8) if each else None)
            for each in buffers
        ],
    )  # fmt: skip
    path = tflite.write(folder, model, "model.tflite")
    said = " ".join(f"{call.op} {call.attributes} {call.operands}" for call in calls)
    return Case(path, xs, f"{said} {[x.shape for x in xs.values()]}")


def integers(rng: np.random.Generator, *shape: int) -> Array:
    """Whole numbers whose products and sums stay far below 2^24, so float32 is exact."""
    return rng.integers(-4, 5, shape).astype(np.float32)


def run(path: Path, xs: Mapping[str, Array]) -> list[Array]:
    """What the model's own runtime computes."""
    if path.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        return [np.asarray(each) for each in session.run(None, dict(xs))]
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], xs[detail["name"]])
    interpreter.invoke()
    return [
        np.asarray(interpreter.get_tensor(each["index"]))
        for each in interpreter.get_output_details()
    ]


def reading(path: Path, family: Family[Any]) -> Any:
    """What the family finds in a model that it occurs in once."""
    (occurrence,) = family.recognise(load(path).graphs[0])
    return occurrence.found


def rewritten(model: Model, family: Family[Any], way: Realisation[Any]) -> Model | Refusal:
    """The model with the family's one occurrence computed another way."""
    graph = model.graphs[0]
    (occurrence,) = family.recognise(graph)
    if isinstance(occurrence.found, Refusal):
        return occurrence.found
    refusal = way.accepts(occurrence.found)
    if refusal is not None:
        return refusal
    setting = Setting(lambda _: {}, model.opsets.get("", 0))
    fragment, _ = build_fragment(graph, occurrence, way, setting)
    new, _ = apply(graph, [Patch(fragment, occurrence.nodes)])
    return replace(model, graphs=(new,))


def agrees(case: Case, family: Family[Any], way: Realisation[Any]) -> bool:
    """Whether the way applied; that it computes the same bits is asserted.

    So is that it is built of what it says, in at most 4 dimensions where the original has no
    more, and that nothing of the family is left that the same way would serve again.
    """
    model = load(case.path)
    result = rewritten(model, family, way)
    if isinstance(result, Refusal):
        assert result.reason
        return False
    path = case.path.with_name(f"rewritten{case.path.suffix}")
    save(result, path)
    expected, found = run(case.path, case.xs), run(path, case.xs)
    assert len(found) == len(expected)
    for one, other in zip(expected, found, strict=True):
        assert one.shape == other.shape, case.label
        assert one.dtype == other.dtype, case.label
        assert np.array_equal(one, other), case.label
    if model.dialect == "onnx":
        _reaches_as_far(case, path, way)
    again = load(path)
    if again.dialect == "tflite":
        ops = {node.op for node in again.graphs[0].nodes}
        assert ops <= set(way.uses), case.label
    ranks = [value.rank or 0 for value in model.graphs[0].values]
    most = max(4, *ranks)
    assert max(value.rank or 0 for value in again.graphs[0].values) <= most, case.label
    return True


def _reaches_as_far(case: Case, path: Path, way: Realisation[Any]) -> None:
    """An infinite element makes of every result what it makes of the original, or that is said.

    Sums and products of TFLite's kernels end at the largest float.
    """
    xs = {name: x.copy() for name, x in case.xs.items()}
    for x in xs.values():
        if x.size:
            x.flat[x.size // 2] = np.inf
    for one, other in zip(run(case.path, xs), run(path, xs), strict=True):
        assert np.array_equal(one, other, equal_nan=True) or way.limits, case.label


def settled(case: Case, family: Family[Any], *refused: str) -> list[str]:
    """Operators after legalising for a target that refuses some, twice to the same effect."""

    def ask(graph: Any) -> dict[str, list[Verdict]]:
        no = (Reason("made-up", "no", "nowhere"),)
        return {
            "t": [
                Verdict("unsupported", "unknown", no)
                if node.op in refused
                else Verdict("supported", "unknown", ())
                for node in graph.nodes
            ]
        }

    model = load(case.path)
    graph = model.graphs[0]
    setting = Setting(ask, model.opsets.get("", 0), families=(family,))
    patches, _ = legalise(graph, setting)
    graph, _ = apply(graph, patches)
    again, _ = legalise(graph, setting)
    assert not again
    return [node.op for node in graph.nodes]


def cured(case: Case, families: Sequence[Family[Any]], name: str) -> list[str]:
    """Operators after legalising for a shipped target, which does not take all of the original.

    That it takes all of what comes of it is asserted, and that it is left alone from then on.
    """
    target = load_target(name)
    model = load(case.path)
    graph = model.graphs[0]
    assert any(verdict.status != "supported" for verdict in judge_graph(graph, target))
    setting = Setting(
        lambda asked: {name: judge_graph(asked, target)},
        model.opsets.get("", 0),
        families=tuple(families),
    )
    patches, _ = legalise(graph, setting)
    graph, _ = apply(graph, patches)
    assert all(verdict.status == "supported" for verdict in judge_graph(graph, target))
    again, _ = legalise(graph, setting)
    assert not again
    return [node.op for node in graph.nodes]
