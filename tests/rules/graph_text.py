"""Models of a few nodes, written as text.

x: float32[1,64,64,8]                     a value; an input of the graph unless some node makes it
h: float32[?,64,W,8]                      `?` a size that is not known, a word a symbolic one
r: float32                                a value of unknown rank
a: untold[1,8]                            one whose element type is not stated
w: const float32[8,3,3,8]                 a constant whose elements do not matter
s: const int32[2] = 64 64                 a constant with its elements
t: const float32[256] = 0.5 * 256         one whose elements are the same
u: const float32[256] as t                one that shares what the file stores of another
v: const int8[8,3,3,8] at 4096            one that the file stores at a place of its own
q: int8[1,8] scale 0.5 zero -3            quantised; several scales: `scale 0.1,0.2 axis 0`
d: float32[1,8,8,3] open 0                TFLite: the size of axis 0 may change
CONV_2D v2 (x, w, -) -> y {stride_h: 1}   a node: version, operands, results, attributes
!Foo (x) -> z                             a custom operator
outputs: y                                results of the graph; by default what nobody reads
graph body: x -> y                        begins another graph, with its inputs (body of a loop)
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from npulint.model import (
    INLINE_LIMIT,
    ITEM_BITS,
    Constant,
    Graph,
    Model,
    Node,
    Quantisation,
    Storage,
    Value,
)

_VALUE = re.compile(
    r"(?P<name>[\w./]+): (?P<const>const )?(?P<dtype>\w+)(?P<shape>\[[^]]*\])?(?P<rest>.*)"
)
_NODE = re.compile(
    r"(?P<custom>!)?(?P<op>[\w.]+)(?: v(?P<version>\d+))? \((?P<reads>[^)]*)\) -> "
    r"(?P<makes>[\w./, -]+?)(?: (?P<options>\{.*\}))?"
)
_CODES = {"bool": "?", "int8": "b", "uint8": "B", "int32": "i", "int64": "q", "float32": "f"}


@dataclass
class _Draft:
    """One graph while its lines are read."""

    name: str = ""
    values: dict[str, Value] = field(default_factory=dict)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    inputs: list[str] | None = None
    outputs: list[str] | None = None

    def index(self, name: str) -> int:
        return -1 if name == "-" else self.values[name].index


def model(text: str, dialect: Any = "tflite", **more: Any) -> Model:
    """Build a model of one or more graphs from their text. Every value has a line of its own.

    Args:
        text: One or more graphs, as above.
        dialect: `tflite` or `onnx`; ONNX models have opset 17 unless `opsets` says otherwise.
        more: Further fields of the model.
    """
    drafts = [_Draft("main")]
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith("graph "):
            name, _, ends = line.removeprefix("graph ").partition(": ")
            reads, _, makes = ends.partition(" -> ")
            drafts.append(_Draft(name, inputs=_names(reads), outputs=_names(makes)))
        else:
            _read(line, drafts[-1])
    graphs = tuple(_graph(draft, number, dialect) for number, draft in enumerate(drafts))
    if dialect == "onnx":
        more.setdefault("opsets", {"": 17})
    weights = sum(v.constant.nbytes for g in graphs for v in g.values if v.constant is not None)
    fields = {"path": Path(f"model.{dialect}"), "size": 0, "digest": "0" * 64, "weight_bytes": 0}
    return Model(dialect=dialect, graphs=graphs, **{**fields, "weight_bytes": weights, **more})


def _read(line: str, draft: _Draft) -> None:
    if line.startswith("outputs: "):
        draft.outputs = _names(line.removeprefix("outputs: "))
        return
    found = _NODE.fullmatch(line)
    if found is not None:
        draft.nodes.append(found.groupdict())
        return
    found = _VALUE.fullmatch(line)
    assert found is not None, f"neither a value nor a node: {line}"
    value = _value(found, draft)
    draft.values[value.name] = value


def _value(found: re.Match[str], draft: _Draft) -> Value:
    index = len(draft.values)
    shape = None
    if found["shape"] is not None:
        shape = tuple(map(_size, filter(None, found["shape"][1:-1].split(","))))
    words = found["rest"].split()
    options = {"scale", "zero", "axis", "open", "as", "at"}
    given = {w: words[i + 1] for i, w in enumerate(words) if w in options}
    dtype = None if found["dtype"] == "untold" else found["dtype"]
    value = Value(index, found["name"], dtype=dtype, shape=shape)
    if "scale" in given:
        zeros = tuple(map(int, given["zero"].split(","))) if "zero" in given else ()
        scales = tuple(map(float, given["scale"].split(",")))
        value = replace(value, quantisation=Quantisation(scales, zeros, int(given.get("axis", 0))))
    if "open" in given:
        axes = set(map(int, given["open"].split(",")))
        sizes = shape or ()
        value = replace(
            value,
            shape_signature=tuple(None if a in axes else s for a, s in enumerate(sizes)),
        )
    if found["const"]:
        constant = _constant(value, found["rest"].partition("=")[2].split())
        if "as" in given:
            constant = replace(constant, payload=draft.values[given["as"]].constant.payload)
        if "at" in given:
            place = Storage(Path("weights"), int(given["at"]), constant.nbytes)
            constant = replace(constant, storage=place)
        value = replace(value, constant=constant)
    return value


def _constant(value: Value, elements: list[str]) -> Constant:
    sizes = [size for size in value.shape or () if isinstance(size, int)]
    count = 1
    for size in sizes:
        count *= size
    nbytes = (count * ITEM_BITS[value.dtype or ""] + 7) // 8
    payload = None
    if elements[1:2] == ["*"]:
        elements = elements[:1] * int(elements[2])
    if elements:
        code = _CODES[value.dtype or ""]
        numbers = [float(e) if code == "f" else int(e) for e in elements]
        payload = struct.pack(f"<{len(numbers)}{code}", *numbers)
        assert len(payload) == nbytes <= INLINE_LIMIT, f"{value.name}: {count} elements expected"
    return Constant(value.dtype or "", tuple(sizes), payload, None, nbytes)


def _size(word: str) -> int | str | None:
    word = word.strip()
    return None if word == "?" else int(word) if word.isdigit() else word


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _graph(draft: _Draft, number: int, dialect: Any) -> Graph:
    nodes = tuple(
        Node(
            graph=number,
            index=index,
            op=row["op"],
            version=int(row["version"] or (17 if dialect == "onnx" else 1)),
            inputs=tuple(map(draft.index, _names(row["reads"]))),
            outputs=tuple(map(draft.index, _names(row["makes"]))),
            attributes=_attributes(row["options"]),
            custom=bool(row["custom"]),
        )
        for index, row in enumerate(draft.nodes)
    )
    made = {index for node in nodes for index in node.outputs}
    read = {index for node in nodes for index in node.inputs}
    free = [v.index for v in draft.values.values() if v.index not in made and v.constant is None]
    left = sorted(made - read - {-1})
    return Graph(
        index=number,
        name=draft.name,
        dialect=dialect,
        values=tuple(draft.values.values()),
        nodes=nodes,
        inputs=tuple(free if draft.inputs is None else map(draft.index, draft.inputs)),
        outputs=tuple(left if draft.outputs is None else map(draft.index, draft.outputs)),
        kind="main" if number == 0 else "subgraph",
    )


def _attributes(text: str | None) -> dict[str, Any]:
    given = yaml.safe_load(text) if text else {}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
