"""npulint: will this model run on the phone's accelerator, why not, and what cures it?

The whole Python API is on this page. Names resolve on first use, so that importing any
sub-package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from npulint.cure import FixResult as FixResult
    from npulint.cure import Wish as Wish
    from npulint.cure import fix as fix
    from npulint.engine import check as check
    from npulint.errors import NpulintError as NpulintError
    from npulint.finding import Report as Report
    from npulint.formats import load as load
    from npulint.model import Model as Model
    from npulint.verification import Comparison as Comparison
    from npulint.verification import compare_regions as compare_regions
    from npulint.verification import verify as verify

__version__ = "0.1.0"

_HOMES = {
    "load": "npulint.formats",
    "check": "npulint.engine",
    "fix": "npulint.cure",
    "verify": "npulint.verification",
    "compare_regions": "npulint.verification",
    "Model": "npulint.model",
    "Report": "npulint.finding",
    "Comparison": "npulint.verification",
    "FixResult": "npulint.cure",
    "Wish": "npulint.cure",
    "NpulintError": "npulint.errors",
}

__all__ = [
    "Comparison",
    "FixResult",
    "Model",
    "NpulintError",
    "Report",
    "Wish",
    "__version__",
    "check",
    "compare_regions",
    "fix",
    "load",
    "verify",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
