"""Phones: models run on them over adb, and what their logs tell of who ran what.

`run_model` runs a model on a phone, `read_log` reads logs that were made elsewhere. What a log does
not tell is left out, never guessed: an operator of which nothing is said has no place among those
that ran on an accelerator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.device.importing import read_log
    from npulint.device.records import Log, Session
    from npulint.device.running import run_model
    from npulint.device.runs import PhoneRun, Request

__all__ = ["Log", "PhoneRun", "Request", "Session", "read_log", "run_model"]

_DOORS = {
    "Log": "npulint.device.records",
    "PhoneRun": "npulint.device.runs",
    "Request": "npulint.device.runs",
    "Session": "npulint.device.records",
    "read_log": "npulint.device.importing",
    "run_model": "npulint.device.running",
}


def __getattr__(name: str) -> object:
    """Open a door when it is first asked for."""
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)
