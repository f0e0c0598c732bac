"""Support tables and device profiles: what each path takes, what was seen on each phone."""

from __future__ import annotations

from npulint.opsets.describe import Line, describe
from npulint.opsets.devices import devices, find, is_device, load_device, survey_devices
from npulint.opsets.extensions import Extension
from npulint.opsets.predicates import Predicate
from npulint.opsets.registry import Survey, Table, load_target, survey, table_of, targets

__all__ = [
    "Extension",
    "Line",
    "Predicate",
    "Survey",
    "Table",
    "describe",
    "devices",
    "find",
    "is_device",
    "load_device",
    "load_target",
    "survey",
    "survey_devices",
    "table_of",
    "targets",
]
