"""The words of the compiler and its front ends, without those that tell nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from qnn_answers import Answer

_NODE = re.compile(r"\S* ?node `[^`]*` will not be assigned to QNN EP\.|`?npulint-\S*`?")
_NUMBERED = re.compile(r"QNNExecutionProvider_QNNExecutionProvider_\w+")


def why(answers: Iterable[Answer]) -> str:
    """What was said most often, without what names single nodes."""
    said = Counter(plain(answer.why) for answer in answers)
    if not said:
        return "no reason was given"
    return min(said, key=lambda text: (-said[text], text)) or "no reason was given"


_EMPTY = (
    "[ONNXRuntimeError] : 11 : EP_FAIL : ",
    "Failed to add node. ",
    "Failed to finalize QNN graph. Error: ",
)
_LITERT = re.compile(r"LiteRT Op #\d+ '\w+' \(code=\d+\) is not supported in Qualcomm Compiler\.")
_TYPES = re.compile(
    r"Unsupported input/output datatypes requested for the HTP Op '\w+' in the node '\w+'\..*"
)
_TENSOR = re.compile(r"\[4294967295\] ")


def plain(why: str) -> str:
    """A reason without the names of single nodes and what says nothing."""
    text = _NUMBERED.sub("graph", _NODE.sub("", why))
    for empty in _EMPTY:
        text = text.replace(empty, "")
    text = _TYPES.sub("types that it does not take together", _TENSOR.sub("", text))
    text = _LITERT.sub("", text) if _LITERT.sub("", text).strip() else "LiteRT has no builder of it"
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
