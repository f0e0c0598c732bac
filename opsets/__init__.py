"""Support tables and device profiles: what each path takes, what was seen on each phone."""

from __future__ import annotations

from npulint.opsets.describe import Line, describe
from npulint.opsets.devices import devices, find, load_device
from npulint.opsets.registry import load_target, targets

__all__ = ["Line", "describe", "devices", "find", "load_device", "load_target", "targets"]
