"""The schema's facts as data against the schema code of the runtime's own package."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as generated
from tflite_building import UNION_OF, camel, chain, code, float32, operator, table, write

from npulint import load
from npulint.formats.flatbuffer_schema import Field
from npulint.formats.tflite import SCHEMA
from npulint.formats.tflite_options import OPERATORS_OF, OPTION_TABLES
from npulint.formats.tflite_schema import ENUMS, TABLES, UNIONS
from npulint.formats.tflite_tensors import dtype_of
from npulint.model import Attribute

# Not in the package of the runtime: the schema of the conversion metadata is another file.
OWN_TABLES = {"ConversionMetadata", "Environment"}
OWN_ENUMS = {"ModelType"}

PREPEND = {
    "?": "PrependBoolSlot", "b": "PrependInt8Slot", "B": "PrependUint8Slot",
    "i": "PrependInt32Slot", "I": "PrependUint32Slot", "q": "PrependInt64Slot",
    "Q": "PrependUint64Slot", "f": "PrependFloat32Slot",
}  # fmt: skip
REFERENCE = "PrependUOffsetTRelativeSlot"
ELEMENT_SIZE = {"?": 1, "b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "f": 4}


def _classes() -> dict[str, type]:
    return {name: item for name, item in vars(generated).items() if isinstance(item, type)}


def _generated_tables() -> set[str]:
    return {name[:-1] for name in _classes() if name.endswith("T") and name[:-1] in _classes()}


def _generated_enums() -> dict[str, dict[str, int]]:
    found = {}
    for name, item in _classes().items():
        numbers = {k: v for k, v in vars(item).items() if isinstance(v, int)}
        if numbers:
            found[name] = numbers
    return found


class Recorder:
    """Stands in for a flatbuffers builder and notes what it is asked to do."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, arguments))


def _record(function: str, *arguments: Any) -> tuple[str, tuple[Any, ...]]:
    recorder = Recorder()
    getattr(generated, function)(recorder, *arguments)
    assert len(recorder.calls) == 1
    return recorder.calls[0]


def test_enumerations_and_unions_agree() -> None:
    data = {
        name: {member: number for number, member in enumerate(SCHEMA.names(name))}
        for name in ENUMS
        if name not in OWN_ENUMS
    }
    unions = {
        name: {member or "NONE": number for number, member in enumerate(SCHEMA.members(name))}
        for name in UNIONS
    }
    assert {**data, **unions} == _generated_enums()


def test_every_builtin_operator_is_named() -> None:
    assert len(SCHEMA.names("BuiltinOperator")) >= 210
    assert SCHEMA.names("BuiltinOperator")[209] == "STABLEHLO_CASE"


def test_every_table_with_fields_is_described() -> None:
    described = set(TABLES) | set(OPTION_TABLES)
    assert described - OWN_TABLES <= _generated_tables()
    left_out = _generated_tables() - described
    assert all(_record(f"{name}Start") == ("StartObject", (0,)) for name in left_out)


@pytest.mark.parametrize("name", sorted((set(TABLES) | set(OPTION_TABLES)) - OWN_TABLES))
def test_fields_agree(name: str) -> None:
    fields = SCHEMA.fields(name)
    adders = {
        function.removeprefix(f"{name}Add")
        for function in vars(generated)
        if function.startswith(f"{name}Add") and callable(getattr(generated, function))
    }
    assert {camel(field.name, "upper") for field in fields} == adders
    for field in fields:
        method, arguments = _record(f"{name}Add{camel(field.name, 'upper')}", 0)
        slot, _, default = arguments
        assert slot == field.slot, field
        if field.kind == "scalar":
            assert method == PREPEND[field.code], field
            assert default == field.default, field
        else:
            assert method == REFERENCE, field
        if field.kind in ("vector", "span", "tables"):
            _check_vector(name, field)


def _check_vector(name: str, field: Field) -> None:
    size = ELEMENT_SIZE[field.code] if field.kind == "vector" else 1 if field.kind == "span" else 4
    method, arguments = _record(f"{name}Start{camel(field.name, 'upper')}Vector", 1)
    assert (method, arguments[0]) == ("StartVector", size), field


@pytest.mark.parametrize("name", sorted((set(TABLES) | set(OPTION_TABLES)) - OWN_TABLES))
def test_no_slot_is_forgotten(name: str) -> None:
    text = {**TABLES, **OPTION_TABLES}[name].split()
    slots = sum(2 if item.split(":")[1].split("=")[0] in UNIONS else 1 for item in text)
    assert _record(f"{name}Start") == ("StartObject", (slots,))


def test_every_table_of_options_has_an_operator() -> None:
    assert set(OPERATORS_OF) == set(OPTION_TABLES)
    operators = [op for ops in OPERATORS_OF.values() for op in ops.split()]
    assert len(operators) == len(set(operators))
    assert set(operators) <= set(SCHEMA.names("BuiltinOperator"))
    assert set(OPTION_TABLES) <= set(UNION_OF)


# --- options written by the generated code come back ----------------------------------------

OPERATORS_WITH_OPTIONS = sorted(
    (op, table_name) for table_name, ops in OPERATORS_OF.items() for op in ops.split()
)


def _random_value(field: Field, chance: random.Random) -> Any:
    """Something that a field can hold; for a field that names a graph, the one that exists."""
    if field.name.endswith("subgraph_index") or field.name == "subgraph":
        return 1
    if field.name in ("branch_subgraph_indices", "called_computations"):
        return [1, 1]
    if field.kind == "string":
        return chance.choice(["", "α β", "name"])
    if field.kind == "span":
        return [chance.randrange(256) for _ in range(chance.randrange(9))]
    if field.kind == "vector":
        return [_random_number(field, chance) for _ in range(chance.randrange(5))]
    return _random_number(field, chance)


def _random_number(field: Field, chance: random.Random) -> int | float | bool:
    names = SCHEMA.names(field.type)
    if names:
        return chance.randrange(len(names))
    if field.code == "?":
        return chance.random() < 0.5
    if field.code == "f":
        return float32(chance.uniform(-100, 100))
    bits = 63 if field.code == "q" else 31
    return chance.randrange(-(1 << bits), 1 << bits)


def _expected(field: Field, value: Any) -> Attribute:
    names = SCHEMA.names(field.type)
    if field.kind == "span":
        return bytes(value)
    if isinstance(value, list):
        return tuple(names[item] for item in value) if names else tuple(value)
    if not names:
        return value  # type: ignore[no-any-return]
    return dtype_of(names[value]) if field.type == "TensorType" else names[value]


@pytest.mark.parametrize(("op", "options"), OPERATORS_WITH_OPTIONS)
def test_options_come_back(op: str, options: str, tmp_path: Path) -> None:
    chance = random.Random(op)
    parts = chain()
    parts.model.operatorCodes = [code(op, version=3)]
    stated = [
        {field.name: _random_value(field, chance) for field in SCHEMA.fields(options)}
        for _ in range(10)
    ]
    made = [_generated_options(options, values) for values in stated]
    parts.main.operators = [operator(0, [0], [], options=item) for item in made]

    nodes = load(write(tmp_path, parts.model)).graphs[0].nodes

    assert len(nodes) == len(stated)
    for node, values in zip(nodes, stated, strict=True):
        assert (node.op, node.version) == (op, 3)
        assert node.attributes == {
            field.name: _expected(field, values[field.name]) for field in SCHEMA.fields(options)
        }


def _generated_options(name: str, values: dict[str, Any]) -> Any:
    return table(
        name,
        **{k: v.encode() if isinstance(v, str) else v for k, v in values.items()},
    )


@pytest.mark.parametrize(("op", "options"), OPERATORS_WITH_OPTIONS)
def test_options_left_out_have_the_defaults_of_the_schema(
    op: str, options: str, tmp_path: Path
) -> None:
    parts = chain()
    parts.model.operatorCodes = [code(op)]
    defaults = getattr(generated, f"{options}T")()
    for field in SCHEMA.fields(options):
        if field.name.endswith("subgraph_index") or field.name == "subgraph":
            setattr(defaults, camel(field.name), 1)
    parts.main.operators = [operator(0, [0], [], options=defaults)]

    node = load(write(tmp_path, parts.model)).graphs[0].nodes[0]

    for field in SCHEMA.fields(options):
        value = getattr(defaults, camel(field.name))
        empty = {"string": "", "span": b"", "vector": ()}.get(field.kind)
        expected = _expected(field, value) if value is not None else empty
        assert node.attributes[field.name] == expected, field


def test_operators_are_known_by_code(tmp_path: Path) -> None:
    names = SCHEMA.names("BuiltinOperator")
    parts = chain()
    parts.model.operatorCodes = [
        code(op, custom="Mine" if op == "CUSTOM" else None) for op in names
    ]
    parts.main.operators = [operator(number, [0], []) for number in range(len(names))]

    nodes = load(write(tmp_path, parts.model)).graphs[0].nodes

    expected = [("Mine", True) if op == "CUSTOM" else (op, False) for op in names]
    assert [(node.op, node.custom) for node in nodes] == expected
