"""What TFLite says of its delegates, and LiteRT's compiler plugins of theirs.

Formats are those of google-ai-edge/LiteRT: tflite/core/subgraph.cc (how many nodes are replaced),
tflite/tools/benchmark/benchmark_tflite_model.cc (what is applied), tflite/delegates/nnapi,
tflite/delegates/gpu/common/model_builder.cc, tflite/delegates/hexagon/hexagon_delegate.cc and
litert/compiler/plugin; and of older builds of the same.
"""

from __future__ import annotations

import re
from typing import Literal

from npulint.device.records import Delegation, Refusal, Session
from npulint.device.text import bare

_REPLACING = re.compile(
    r"Replacing (\d{1,9})(?: out of (\d{1,9}))? node\(s\) with delegate \((.+?)\) node"
    r"(?:, yielding (\d{1,9}) partitions)?"
    r"(?: for (?:the whole graph|subgraph (\d{1,9})(?: \(.*\))?))?\.?$"
)
_HEXAGON = re.compile(
    r"Hexagon delegate: (\d{1,9}) nodes delegated out of (\d{1,9}) nodes"
    r"(?: with (\d{1,9}) partitions)?\.?$"
)
_PLUGIN = re.compile(
    r"(?:\[[^\]]*\] )?Partitioned subgraph<(\d{1,9})>, selected (\d{1,9}) ops, from a total of "
    r"(\d{1,9}) ops\. resulted in (\d{1,9}) partitions\."
)
_NOT_COMPILED = re.compile(
    r"LiteRT Op #(\d{1,9}) '(.*)' \(code=\d+\) is not supported in (\S+) Compiler\.?$"
)
_ACCELERATORS = re.compile(
    r"NNAPI accelerators available: \[(.*)\]$"
    r"|Could not find the specified NNAPI accelerator: .*\. Must be one of: \{(.*)\}\.?$"
)
_APPLIED = re.compile(
    r"(?:Explicitly applied|Applied) (.+?) delegate, and the model graph will be "
    r"(completely|partially) executed (?:by|w/) the delegate"
)
_NOT_APPLIED = re.compile(
    r"Though (.+?) delegate is (?:explicitly )?applied, the model graph will not be executed"
)
_NNAPI_REFUSES = re.compile(r"Operator (\w+) \(v(\d+)\) refused by NNAPI delegate: ?(.*)$")
_GPU_LIST = re.compile(r"(?:Following|Next) operations are not supported by GPU delegate:")
_GPU_ITEM = re.compile(r"([A-Z][A-Z0-9_]*(?: \S+)?): ?(.*)$")
_GPU_COUNT = re.compile(
    r"(?:First )?(\d{1,9}) operations will run on the GPU, and the remaining (\d{1,9}) "
)
_FAULT = re.compile(
    r"NN API returned error \w+ at line \d+ while .*|Node number \d+ \(\w+\) failed to \w+.*"
    r"|Failed to apply .*|Restored original execution plan after delegate application failure\."
    r"|TfLiteGpuDelegate (?:Init|Prepare|Invoke): .*"
)
_CREATED = re.compile(
    r"Created TensorFlow Lite .*delegate for \S+"
    r"|(?:NNAPI|GPU|XNNPACK|Hexagon|EXTERNAL|CoreML) delegate created\."
    r"|Going to apply \d+ delegates|Created \d+ GPU delegate kernels|Loaded OpenCL library"
    r"|Initialized OpenCL-based API"
)

GPU = "TFLite GPU delegate"
NNAPI = "TFLite NNAPI delegate"
HEXAGON = "TFLite Hexagon delegate"


class DelegateReader:
    """Reads the lines of one session."""

    def __init__(self) -> None:
        self._in_list = False

    def take(self, message: str, times: int, session: Session) -> bool:
        """Read a line; whether it is one of these."""
        line = bare(message)
        if self._in_list and (found := _GPU_ITEM.match(line)) and not _GPU_COUNT.match(line):
            _refused(session, Refusal(GPU, found[1], reason=found[2]), times)
            return True
        self._in_list = bool(_GPU_LIST.match(line))
        if self._in_list or self._handed_over(line, times, session) or _said(line, times, session):
            session.formats.setdefault("tflite")
            return True
        return _compiler(line, times, session)

    def close(self, session: Session) -> None:
        """Nothing is left to do in the end."""

    def _handed_over(self, line: str, times: int, session: Session) -> bool:
        """How many nodes a delegate takes."""
        if found := _REPLACING.match(line):
            taken, total, to, pieces, graph = found.groups()
            told = Delegation(to, int(taken), _whole(total), _whole(pieces), _whole(graph))
        elif found := _HEXAGON.match(line):
            told = Delegation(HEXAGON, int(found[1]), int(found[2]), _whole(found[3]), None)
        elif found := _GPU_COUNT.match(line):
            taken_there, left = int(found[1]), int(found[2])
            told = Delegation(GPU, taken_there, taken_there + left, None, None)
        else:
            return False
        session.delegations[told] = session.delegations.get(told, 0) + times
        return True


def _said(line: str, times: int, session: Session) -> bool:
    """What is said of delegates besides."""
    if found := _ACCELERATORS.match(line):
        names = (name.strip() for name in (found[1] or found[2] or "").split(","))
        session.accelerators[:] = [name for name in names if name]
        if found[2] is not None:
            session.faults.append(found[0])
    elif found := _APPLIED.match(line):
        how: Literal["whole", "partly"] = "whole" if found[2] == "completely" else "partly"
        session.applied[found[1]] = how
    elif found := _NOT_APPLIED.match(line):
        session.applied[found[1]] = "not"
    elif found := _NNAPI_REFUSES.match(line):
        _refused(session, Refusal(NNAPI, found[1], reason=found[3]), times)
    elif session.formats and _FAULT.match(line):
        if line not in session.faults:
            session.faults.append(line)
    else:
        return _CREATED.match(line) is not None
    return True


def _compiler(line: str, times: int, session: Session) -> bool:
    """What LiteRT's compiler plugins say."""
    if found := _PLUGIN.match(line):
        graph, taken, total, pieces = map(int, found.groups())
        told = Delegation("LiteRT compiler plugin", taken, total, pieces, graph)
        session.delegations[told] = session.delegations.get(told, 0) + times
    elif found := _NOT_COMPILED.match(line):
        by = f"LiteRT's {found[3]} compiler plugin"
        _refused(session, Refusal(by, found[2], int(found[1])), times)
    else:
        return False
    session.formats.setdefault("litert-compiler")
    return True


def _refused(session: Session, refusal: Refusal, times: int) -> None:
    session.refusals[refusal] = session.refusals.get(refusal, 0) + times


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)
