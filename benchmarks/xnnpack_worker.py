"""Asks LiteRT which nodes of TFLite models its XNNPACK delegate takes, one model after the other.

LiteRT's interpreter applies the delegate by default, and lists beside the nodes of the file one
for each piece that it handed over, with the results of the piece. With the delegate's nodes kept
apart there is a piece for every node that it takes, so that all of them are known; as pieces are
usually joined, their results tell them apart. Of each model `MODEL.told.json` tells what was found.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter, OpResolverType

FAULTS = (RuntimeError, ValueError)
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def ask(path: Path) -> dict[str, Any]:
    """What becomes of the nodes of a model's main graph.

    Returns:
        `taken`, the nodes that the delegate takes by their positions, and `pieces`, for each
        piece which nodes put out its results; with `broken` where LiteRT cannot set them up. Or
        `fault`, why LiteRT itself cannot run the model.
    """
    try:
        Interpreter(
            str(path), num_threads=1, experimental_op_resolver_type=PLAIN
        ).allocate_tensors()
    except FAULTS as error:
        return {"fault": " ".join(str(error).split())[:300]}
    apart, broken = _pieces(path, experimental_disable_delegate_node_fusion=True)
    pieces, _ = _pieces(path)
    told = {"taken": sorted({node for piece in apart for node in piece}), "pieces": pieces}
    return {**told, "broken": broken} if broken else told


def _pieces(path: Path, **settings: Any) -> tuple[list[list[int]], str]:
    """For each piece the nodes that put out its results; and why they cannot be set up."""
    interpreter = Interpreter(str(path), num_threads=1, **settings)
    broken = ""
    try:
        interpreter.allocate_tensors()
    except FAULTS as error:
        broken = " ".join(str(error).split())[:300]
    nodes = interpreter._get_ops_details()  # nothing public tells
    own = [node for node in nodes if node["op_name"] != "DELEGATE"]
    origin = {int(value): node["index"] for node in own for value in node["outputs"]}
    silent = {tuple(node["inputs"]): node["index"] for node in own if not len(node["outputs"])}
    pieces = []
    for node in nodes:
        if node["op_name"] == "DELEGATE":
            made = {origin[int(value)] for value in node["outputs"]}
            # A node that only assigns puts nothing out: it is known by what it reads.
            only = silent.get(tuple(node["inputs"]))
            pieces.append(sorted(made) if made or only is None else [only])
    return sorted(pieces), broken


def main(listing: str) -> None:
    """Work through the models that a file lists, one a line."""
    for line in Path(listing).read_text(encoding="utf-8").splitlines():
        path = Path(line)
        told = json.dumps(ask(path))
        path.with_suffix(".told.json").write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
