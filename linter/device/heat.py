"""How warm a phone is, and whether it slows down for it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from npulint.device.adb import Handset

# platform/hardware/interfaces thermal/2.0/types.hal, ThrottlingSeverity.
_SEVERITIES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")

_STATUS = re.compile(r"Thermal Status: (\d)\b")
_BATTERY = re.compile(r"^\s*temperature: (-?\d{1,4})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Heat:
    """How warm a phone is.

    Attributes:
        throttling: By how much it slows down, in Android's words; None where it does not say
            (before Android 10).
        battery: The battery's temperature in °C, None where it does not say.
    """

    throttling: str | None = None
    battery: float | None = None

    @property
    def slows(self) -> bool:
        """Whether it says that it slows down."""
        return self.throttling not in {None, "none"}


def feel(handset: Handset) -> Heat:
    """Ask a phone how warm it is.

    Raises:
        PhoneError: It cannot be spoken to.
    """
    status = _STATUS.search(handset.shell("dumpsys thermalservice").out)
    battery = _BATTERY.search(handset.shell("dumpsys battery").out)
    severity = None
    if status is not None:
        with suppress(IndexError):
            severity = _SEVERITIES[int(status[1])]
    return Heat(severity, None if battery is None else int(battery[1]) / 10)
