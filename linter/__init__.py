"""npulint: will this model run on the phone's accelerator, why not, and what cures it?

The whole Python API is on this page. Names resolve on first use, so that importing any
sub-package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from npulint.engine import check as check
    from npulint.errors import NpulintError as NpulintError
    from npulint.finding import Report as Report
    from npulint.formats import load as load
    from npulint.model import Model as Model

__version__ = "0.1.0"

_HOMES = {
    "load": "npulint.formats",
    "check": "npulint.engine",
    "Model": "npulint.model",
    "Report": "npulint.finding",
    "NpulintError": "npulint.errors",
}

__all__ = ["Model", "NpulintError", "Report", "__version__", "check", "load"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
