"""Write the compiled form of every shipped table: `python -m npulint.opsets.compile`.

PyYAML takes some 50 ms for a table of this size, JSON takes one. The YAML stays the source: a
compiled form that does not carry its digest is not used.
"""

from __future__ import annotations

import sys

from npulint.errors import TableError
from npulint.opsets.loader import compile_table
from npulint.opsets.registry import shipped


def main() -> int:
    """Compile all tables; nothing is written for a table that is at fault.

    Returns:
        The exit code: 0, or 2 where a table is at fault.
    """
    for path in shipped():
        try:
            text = compile_table(path)
        except TableError as error:
            print(error, file=sys.stderr)
            return 2
        path.with_suffix(".json").write_text(text, encoding="utf-8")
        print(f"{path.with_suffix('.json').name}: {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
