"""The catalogue on live Keras networks, before they are converted.

`prepare` is what there is to call; TensorFlow is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from npulint.preparing.keras_prepare import prepare
    from npulint.preparing.records import Prepared, PrepareReport
    from npulint.preparing.transformations import Transformation

_HOMES = {
    "Transformation": "npulint.preparing.transformations",
    "prepare": "npulint.preparing.keras_prepare",
    "Prepared": "npulint.preparing.records",
    "PrepareReport": "npulint.preparing.records",
}


__all__ = ["PrepareReport", "Prepared", "Transformation", "prepare"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "prepare":
        from npulint.reference_models.frameworks import need

        need("tensorflow", "preparing a Keras network")
    return getattr(import_module(home), name)
