"""What ONNX Runtime's QNN provider says while it works, read from its log.

Only here is it told which pieces were composed and compiled before one failed, and which nodes
had passed the check by then: the trace and the assignment are there only after all went well.
Formats are those of onnxruntime/onnxruntime-qnn 2.7 (`qnn_execution_provider.cc` LogNodeSupport,
`qnn_model.cc` ComposeGraph and FinalizeGraphs, `qnn_model_wrapper.cc` CreateQnnNode).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from npulint.host.marks import marks
from npulint.host.records import Identity

_VERDICT = re.compile(r"LogNodeSupport\] Validation (PASSED|FAILED) for ")
_REASON = re.compile(r"^\s*REASON : (.*)")
_OPERATOR = re.compile(r"^\s*Operator type: .* Node name: ")
_CODE = re.compile(r"backendValidateOpConfig\(\) failed for node `.*with error code (\d+)")
_BUILD = re.compile(r"Backend build version: v?(\S+)")
_ADDED = "QNN node builder is trying to add node."


@dataclass(slots=True)
class ProviderLog:
    """What was told.

    Attributes:
        passed: Nodes that passed the check, when they were last checked.
        refused: Why others did not, in the provider's words.
        codes: Error codes of the HTP library's own check, by node.
        pieces: Nodes of each piece that was composed, as far as they are named.
        compiled: How many of these were compiled.
        build: Version of the HTP library.
    """

    passed: set[Identity] = field(default_factory=set)
    refused: dict[Identity, str] = field(default_factory=dict)
    codes: dict[Identity, str] = field(default_factory=dict)
    pieces: list[list[Identity]] = field(default_factory=list)
    compiled: int = 0
    build: str | None = None


def read_log(lines: Iterable[str]) -> ProviderLog:
    """Read a log from its first line to its last."""
    log = ProviderLog()
    group: list[Identity] = []
    passes = False
    for line in lines:
        verdict = _VERDICT.search(line)
        reason = _REASON.match(line)
        if verdict:
            group, passes = [], verdict[1] == "PASSED"
        elif _OPERATOR.match(line):
            for node in marks(line):
                group.append(node)
                # A node is checked twice, before and after its layout is changed: the last counts.
                log.refused.pop(node, None)
                (log.passed.add if passes else log.passed.discard)(node)
                if not passes:
                    log.refused[node] = ""
        elif reason:
            log.refused.update(dict.fromkeys(group, reason[1].strip()))
        else:
            _note(log, line)
    return log


def _note(log: ProviderLog, line: str) -> None:
    """What is told in one line."""
    if "ComposeGraph] ComposeGraph Graph name:" in line:
        log.pieces.append([])
    elif _ADDED in line and log.pieces:
        log.pieces[-1] += [node for node in marks(line) if node not in log.pieces[-1]]
    elif "FinalizeGraphs] FinalizeGraphs completed" in line:
        log.compiled = len(log.pieces)
    elif code := _CODE.search(line):
        log.codes.update(dict.fromkeys(marks(line), code[1]))
    elif build := _BUILD.search(line):
        log.build = build[1]
