"""Support tables: what each accelerator path takes, as data, and the code that reads it."""

from __future__ import annotations

from npulint.opsets.describe import Line, describe
from npulint.opsets.registry import load_target, targets

__all__ = ["Line", "describe", "load_target", "targets"]
