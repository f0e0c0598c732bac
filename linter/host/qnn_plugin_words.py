"""What LiteRT's Qualcomm compiler plugin prints, read.

The plugin itself writes to standard error: which LiteRT operator it refuses, and which QNN
operators it had tried for it. The QNN library writes to standard output: what its check found.
Formats are those of ai-edge-litert 2.3 with QNN 2.51 (google-ai-edge/LiteRT
litert/vendors/qualcomm/compiler/qnn_compiler_plugin.cc and litert/vendors/qualcomm/qnn_manager.cc).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from npulint.host.marks import marks

if TYPE_CHECKING:
    from npulint.host.records import Identity

_REFUSED_QNN = re.compile(r"^QNN op validation failed: '([^']+)' (.*)")
_REFUSED = re.compile(r"^LiteRT Op #\d+ '.*' \(code=\d+\) is not supported in Qualcomm Compiler\.")
_OUTPUTS = "Outputs:"
_ITEM = re.compile(r"^\s*\[\d+\] name=")

_ASKED = "QnnBackend_validateOpConfig started"
_ANSWERED = re.compile(r"Failed to validate op (\S+) with error (\S+)")
_ERROR = re.compile(r"\[ ERROR \]\s+(?:<E>\s+)?(.*)")
_FORMS = (
    "QnnBackend_validateOpConfig failed",
    "Op specific validation failed",
    "validateNativeOps master op validator",
)
"""Errors that say only that there was one."""

_NOT_MADE = re.compile(r'"[^"]*" generated: could not create op|could not create op: \S+')
_PREPARED = re.compile(r"graphMainFinalizePostPrepare: prepare failed \(err=(\d+)\)")
_OWN_ERROR = re.compile(r"^ERROR: \[[^\]]*\] *(.*)")
_BUILD = re.compile(r"SDK version: v?(\d\S*)")


def refusals(out: Iterable[str], err: Sequence[str]) -> dict[Identity, tuple[str, ...]]:
    """Why LiteRT operators are refused.

    Args:
        out: The QNN library's lines.
        err: The plugin's lines.

    Returns:
        Reasons by the position of each refused operator's first output, as marked copies name it.
    """
    checks = _checks(out)
    found: dict[Identity, tuple[str, ...]] = {}
    tried: list[tuple[str, str]] = []
    refusal, at_outputs = "", False
    for line in err:
        qnn = _REFUSED_QNN.match(line)
        if qnn:
            tried.append((qnn[1], qnn[2]))
            refusal = ""
        elif _REFUSED.match(line):
            refusal, at_outputs = line.strip(), False
        elif refusal and line.strip() == _OUTPUTS:
            at_outputs = True
        elif refusal and at_outputs and _ITEM.match(line):
            for value in marks(line):
                found[value] = (refusal, *_why(tried, checks))
            refusal, tried = "", []
    return found


def _why(tried: Iterable[tuple[str, str]], checks: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What was tried for an operator, and what the library's check found of it."""
    for name, kind in tried:
        found = checks.get(name, ())
        yield f"QNN op {kind}: {'; '.join(found)}" if found else f"QNN op {kind} is refused"


def _checks(out: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What the library's check found, by the names of the QNN operators that it refused."""
    found: dict[str, tuple[str, ...]] = {}
    errors: dict[str, None] = {}
    for line in out:
        if _ASKED in line:
            errors = {}
        elif answered := _ANSWERED.search(line):
            found[answered[1]] = (*errors, f"error {answered[2]}")
            errors = {}
        elif (error := _ERROR.search(line)) and not error[1].startswith(_FORMS):
            errors[error[1].strip()] = None
    return found


def failure(out: Iterable[str], err: Iterable[str]) -> tuple[str, list[Identity]]:
    """Why nothing was compiled.

    Returns:
        The words of the library and of the plugin that say so, and the values that they name.
    """
    said: dict[str, None] = {}
    for line in out:
        if match := _NOT_MADE.search(line):
            said[match[0]] = None
        elif match := _PREPARED.search(line):
            said[f"QNN error {match[1]}"] = None
    for line in err:
        if (match := _OWN_ERROR.match(line)) and match[1] and not match[1].startswith("ERROR: ["):
            said[match[1].strip()] = None
    words = "; ".join(said)
    return words, list(marks(words))


def build(err: Iterable[str]) -> str | None:
    """Version of the QNN SDK that the plugin found."""
    return next((match[1] for line in err if (match := _BUILD.search(line))), None)
