"""The catalogue on live PyTorch networks, before they are exported and before they are trained on.

`prepare` is what there is to call; PyTorch is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from npulint.preparing.records import Prepared, PrepareReport
    from npulint.preparing.torch_prepare import prepare
    from npulint.preparing.transformations import Transformation

_HOMES = {
    "prepare": "npulint.preparing.torch_prepare",
    "Prepared": "npulint.preparing.records",
    "PrepareReport": "npulint.preparing.records",
    "Transformation": "npulint.preparing.transformations",
}

__all__ = ["PrepareReport", "Prepared", "Transformation", "prepare"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "prepare":
        from npulint.reference_models.frameworks import need

        need("torch", "preparing a PyTorch network")
    return getattr(import_module(home), name)
