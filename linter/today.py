"""The day on which something is looked at."""

from __future__ import annotations

import os
from datetime import date, datetime, timezone

from npulint.errors import UsageError


def today() -> date:
    """The day on which a model is looked at.

    `SOURCE_DATE_EPOCH`, in seconds since 1970, fixes it for reports that have to come out the same
    again (reproducible-builds.org/docs/source-date-epoch).

    Raises:
        UsageError: That variable is not a number of seconds.
    """
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    if not fixed:
        return datetime.now(timezone.utc).date()
    try:
        return datetime.fromtimestamp(int(fixed), timezone.utc).date()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"SOURCE_DATE_EPOCH is {fixed!r}: expected seconds since 1970") from None
