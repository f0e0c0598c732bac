"""Small ONNX models as data: what their nodes are, and nothing of what becomes of them.

lowering_cases.json lists models of one node (`op`) and of several (`nodes`, each as operator,
inputs, outputs and attributes). An operand is written `dtype[sizes]`, followed for a constant by
`=` and its elements (`=*` for weights whose elements do not matter). `_` is an operand left out.
A size that is a word is symbolic. In models of several nodes operands have names in front.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """One ONNX node with its operands."""

    name: str
    op: str
    operands: str
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 17
    outputs: int = 1


@dataclass(frozen=True)
class GraphCase:
    """Several ONNX nodes: operands by name, nodes as `(op, inputs, outputs, attributes)`."""

    name: str
    operands: str
    nodes: list[list[Any]]
    outputs: str
    opset: int = 17


_DATA: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("lowering_cases.json").read_text()
)

CASES = tuple(Case(**entry) for entry in _DATA if "op" in entry)
GRAPHS = tuple(GraphCase(**entry) for entry in _DATA if "nodes" in entry)
