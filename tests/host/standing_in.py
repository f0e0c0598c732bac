"""Workers that come to a bad end; a variable of the environment says to which."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

MANNER = "NPULINT_TEST_MANNER"
CHILD = "NPULINT_TEST_CHILD"

COMPOSING = (
    "[V] LogNodeSupport] Validation PASSED for 1 nodes in OrtNodeUnit (Relu) :\n"
    "\tOperator type: Relu Node name: npulint-0-0 Node index: 0\n"
    "[V] ComposeGraph] ComposeGraph Graph name: one\n"
    "[V] AddToModelBuilder] QNN node builder is trying to add node. Onnx node name: [npulint-0-0]"
    " onnx node type: [Relu].\n"
    "[V] FinalizeGraphs] FinalizeGraphs started.\n"
)


def main(request: str) -> None:
    asked = json.loads(Path(request).read_text(encoding="utf-8"))
    manner, _, when = os.environ[MANNER].partition(" ")
    with Path(asked["told"]).open("w", encoding="utf-8") as told:
        told.write(json.dumps({"versions": {"onnxruntime": "0"}}) + "\n")
        if when == "compiling":
            print(COMPOSING, file=sys.stderr, end="", flush=True)
        if when == "running":
            print(COMPOSING, file=sys.stderr, end="", flush=True)
            context = Path(asked["context"]).with_name("context_qnn.bin")
            context.write_bytes(b"\0soc_type=SM8550;arch=73;\0")
            groups = {
                "QNNExecutionProvider": [["npulint-0-0", "Relu"], ["Transpose_1", "Transpose"]]
            }
            if manner == "strays":
                groups["CPUExecutionProvider"] = [["Transpose_2", "Transpose"], ["q", "Cast"]]
            nodes = [{"provider": name, "nodes": each} for name, each in groups.items()]
            told.write(json.dumps({"assignment": nodes}) + "\n" + json.dumps({"running": True}))
            told.write("\n")
        if manner == "strays":
            told.write(json.dumps({"run_refused": "no"}) + "\n")
        if when == "telling":
            told.write('{"assignment": [{"prov')
    if child := os.environ.get(CHILD):
        started = subprocess.Popen(["sleep", "60"])
        Path(child).write_text(str(started.pid), encoding="utf-8")
    _end(manner)


def _end(manner: str) -> None:
    if manner == "hangs":
        time.sleep(60)
    if manner == "exits":
        print("no such backend", file=sys.stderr)
        sys.exit(7)
    if manner in {"SIGSEGV", "SIGABRT", "SIGKILL"}:
        os.kill(os.getpid(), getattr(signal, manner))
