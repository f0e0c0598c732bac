"""Real compilers of accelerators asked on this computer, each in a process of its own.

`ask` is the door. The compilers are those of the vendor, out of the packages of the extra
`npulint[qnn]`; what they say of a model stands beside what a support table says of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.host.asking import ask
    from npulint.host.records import Answer

__all__ = ["Answer", "ask"]

_DOORS = {"Answer": "npulint.host.records", "ask": "npulint.host.asking"}


def __getattr__(name: str) -> object:
    """Open a door when it is first asked for: the command line needs the names of chips only."""
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)
