"""The catalogue on live PyTorch networks, before they are exported and before they are trained on.

`prepare` rewrites a network, and `recover` trains what it made towards the original; PyTorch is
imported when one of them is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from npulint.preparing.records import Prepared, PrepareReport
    from npulint.preparing.torch_prepare import prepare
    from npulint.preparing.transformations import Transformation
    from npulint.recovering.live import Recovered, recover
    from npulint.recovering.recipe import Recipe, Term
    from npulint.recovering.records import RecoverReport

_HOMES = {
    "prepare": "npulint.preparing.torch_prepare",
    "Prepared": "npulint.preparing.records",
    "PrepareReport": "npulint.preparing.records",
    "Transformation": "npulint.preparing.transformations",
    "recover": "npulint.recovering.live",
    "Recipe": "npulint.recovering.recipe",
    "Term": "npulint.recovering.recipe",
    "Recovered": "npulint.recovering.live",
    "RecoverReport": "npulint.recovering.records",
}

_PURPOSES = {"prepare": "preparing a PyTorch network", "recover": "training a PyTorch network"}

__all__ = [
    "PrepareReport",
    "Prepared",
    "Recipe",
    "RecoverReport",
    "Recovered",
    "Term",
    "Transformation",
    "prepare",
    "recover",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _PURPOSES:
        from npulint.reference_models.frameworks import need

        need("torch", _PURPOSES[name])
    return getattr(import_module(home), name)
