"""Support tables and device profiles: what each path takes, what was seen on each phone."""

from __future__ import annotations

from npulint.opsets.describe import Line, describe
from npulint.opsets.devices import devices, find, is_device, load_device, survey_devices
from npulint.opsets.extensions import Extension
from npulint.opsets.predicates import Predicate
from npulint.opsets.registry import Survey, load_target, survey, tables_of, targets
from npulint.opsets.table import paired
from npulint.opsets.tables import OWN, Table

__all__ = [
    "OWN",
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
    "paired",
    "survey",
    "survey_devices",
    "tables_of",
    "targets",
]
