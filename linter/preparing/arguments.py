"""What both `prepare`s are called with beside a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.asking import Asking
from npulint.errors import UsageError
from npulint.fixers.record import EXACTNESSES

if TYPE_CHECKING:
    from npulint.opsets.profile import Device
    from npulint.opsets.table import Target


def understood_allow(allow: str) -> None:
    """See that a level of exactness is one.

    Raises:
        UsageError: It is none.
    """
    if allow not in EXACTNESSES:
        raise UsageError(f"allow {allow!r}: give one of {', '.join(EXACTNESSES)}")


def asked_of(
    targets: Sequence[str], exported: str, *, beside: bool = False
) -> tuple[Target | Device, ...]:
    """Whom to ask.

    Args:
        targets: Names of targets and devices, or table files.
        exported: Name of a file such as the network is exported to.
        beside: Whether something else is asked for, so that there need be no targets.

    Raises:
        UsageError: There are none, or they are no sequence.
        TargetError: A target is not known.
    """
    if isinstance(targets, str) or not all(isinstance(each, str) for each in targets):
        raise UsageError(
            f"targets {targets!r}: give a sequence of names, such as ['pixel-4', 'nnapi-1.2']"
        )
    if targets:
        return Asking(tuple(targets), None, {}).about(Path(exported)).targets
    if beside:
        return ()
    raise UsageError("targets: give one or more, such as ['pixel-4']; `npulint targets` lists them")
