"""What Android's NNAPI runtime logs of its choices, where `debug.nn.vlog` is set.

Formats are those of platform/frameworks/ml and packages/modules/NeuralNetworks
runtime/ExecutionPlan.cpp and CompilationBuilder.cpp, Android 9 to 13.
"""

from __future__ import annotations

import re

from npulint.device.records import REFERENCE, Choice, Refusal, Session
from npulint.device.text import bare

_CHOICE = re.compile(
    r"ModelBuilder::findBestDeviceForEachOperation\((\w+)(?::(\d{1,9}))?\) = (-?\d{1,9})"
    r"(?: \((.*)\))?$"
)
_CANNOT = re.compile(r"Device (.+) can't do operation (\w+)(?::(\d{1,9}))?")
_NOBODY = re.compile(r"No driver can do operation (\w+)(?::(\d{1,9}))?")
_ONLY = re.compile(
    r"(?:ModelBuilder::partitionTheWork: )?only one best device: -?\d{1,9} = (\S.*)$"
)
_SIMPLE = re.compile(r"SIMPLE for (\S.*)$")
_STEP = re.compile(r"(?:Step#\d{1,9}: execute on|ExecutionStep#\d{1,9} for) (\S.*)$")
_FALLBACK = re.compile(
    r"CompilationBuilder::finish with CPU fallback|cpuFallbackFull|cpuFallbackPartial"
    r"|Performing full fallback on the CPU\."
)
_CPU_STEP = "CPU"
"""What Android 9 calls its CPU implementation among the steps."""

ANY_DRIVER = "every driver"
"""Who refuses an operation that no driver takes."""


class NnapiReader:
    """Reads the lines of one session."""

    def take(self, message: str, times: int, session: Session) -> bool:
        """Read a line; whether it is one of these."""
        line = bare(message)
        if found := _CHOICE.match(line):
            operation = None if found[2] is None else int(found[2])
            choice = Choice(found[1], operation, found[4], int(found[3]))
            session.choices[choice] = session.choices.get(choice, 0) + times
        elif found := _CANNOT.match(line):
            _refused(session, found[1], found[2], found[3], times)
        elif found := _NOBODY.match(line):
            _refused(session, ANY_DRIVER, found[1], found[2], times)
        elif found := _ONLY.match(line):
            session.only.setdefault(found[1])
        elif (found := _STEP.match(line)) or (found := _SIMPLE.match(line)):
            device = REFERENCE if found[1] == _CPU_STEP else found[1]
            session.steps[device] = session.steps.get(device, 0) + times
        elif found := _FALLBACK.match(line):
            session.fallbacks[found[0]] = session.fallbacks.get(found[0], 0) + times
        else:
            return False
        session.formats.setdefault("nnapi")
        return True

    def close(self, session: Session) -> None:
        """Nothing is left to do in the end."""


def _refused(session: Session, by: str, op: str, number: str | None, times: int) -> None:
    refusal = Refusal(by, op, None if number is None else int(number))
    session.refusals[refusal] = session.refusals.get(refusal, 0) + times
