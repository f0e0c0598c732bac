"""Dynamic tensors and unprepared nodes, against the runtime itself on altered models.

Each alteration takes the contents or the type of one tensor away. What npulint then says of
the whole model must be what the runtime does with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from npulint.bodies import Bodies
from npulint.dynamic import first_obstacle
from npulint.errors import ModelFileError
from npulint.formats import load

TRUTH = Path(__file__).parent.parent / "truth" / "models"

schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
runtime = pytest.importorskip("ai_edge_litert.interpreter")
flatbuffers = pytest.importorskip("flatbuffers")

OPERATORS = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)
}
TYPES = [schema.TensorType.__dict__[name] for name in ("FLOAT32", "INT8", "INT16", "INT32")]


def read(path: Path) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def operands(model: Any) -> Iterator[tuple[str, str, int, int]]:
    """Every operand of the main graph: operator, role, position, tensor."""
    for node in model.subgraphs[0].operators:
        code = model.operatorCodes[node.opcodeIndex]
        op = OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        for role, tensors in (("input", node.inputs), ("output", node.outputs)):
            for position, tensor in enumerate(tensors):
                if tensor >= 0:
                    yield op, role, position, int(tensor)


def is_stored(model: Any, tensor: int) -> bool:
    return model.buffers[model.subgraphs[0].tensors[tensor].buffer].data is not None


def empty(model: Any, tensor: int) -> None:
    """Make a stored tensor an input of the model."""
    graph = model.subgraphs[0]
    graph.tensors[tensor].buffer = 0
    graph.inputs = [*graph.inputs, tensor]


def outcome(content: bytes) -> str | None:
    """What the runtime does when it prepares a model: the kind of obstacle, or None."""
    kinds = runtime.OpResolverType
    try:
        interpreter = runtime.Interpreter(
            model_content=content,
            experimental_op_resolver_type=kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError):
        return "prepare"
    made = [index for op in interpreter._get_ops_details() for index in op["outputs"] if index >= 0]
    for index in made:
        try:
            interpreter.get_tensor(index)
        except ValueError:  # the tensor was given no memory
            return "dynamic"
    return None


def predicted(content: bytes, path: Path) -> str | None:
    path.write_bytes(content)
    model = load(path)
    found = first_obstacle(model.graphs[0], Bodies(model.graphs))
    return None if found is None else found.kind


@dataclass(frozen=True)
class Change:
    """One tensor of one model, made another."""

    path: Path
    key: tuple[Any, ...]
    tensor: int
    type: int | None = None

    def apply(self) -> bytes:
        model = read(self.path)
        if is_stored(model, self.tensor):
            empty(model, self.tensor)
        if self.type is not None:
            model.subgraphs[0].tensors[self.tensor].type = self.type
        return packed(model)


def changes(types: Sequence[int | None], step: int) -> Iterator[Change]:
    """Each kind of change once over all models, and of these every `step`-th.

    A type of None leaves the type and takes the stored contents away.
    """
    seen: set[tuple[Any, ...]] = set()
    for path in sorted(TRUTH.glob("op_*.tflite")):
        original = read(path)
        for op, role, position, tensor in operands(original):
            told = original.subgraphs[0].tensors[tensor].type
            for other in types:
                key = (op, role, position, told, other)
                stored = is_stored(original, tensor)
                if key in seen or other == told or (other is None and not stored):
                    continue
                seen.add(key)
                if len(seen) % step == 0:
                    yield Change(path, key, tensor, other)


def test_a_tensor_whose_contents_are_taken_away(tmp_path: Path) -> None:
    count = 0
    for change in changes([None], step=1):
        count += 1
        content = change.apply()
        assert predicted(content, tmp_path / "m.tflite") == outcome(content), change
    assert count > 100


def test_a_kernel_said_to_refuse_does_refuse(tmp_path: Path, full: bool) -> None:
    count = 0
    for change in changes(TYPES, 1 if full else 3):
        content = change.apply()
        try:
            said = predicted(content, tmp_path / "m.tflite")
        except ModelFileError:
            continue
        if said == "prepare":
            count += 1
            assert outcome(content) == "prepare", change
    assert count > 20
