"""Write the compiled form of every shipped table, and the schema of tables for editors.

Run `python -m npulint.opsets.compile` after changing a table or the vocabulary.

PyYAML takes some 50 ms for a table of this size, JSON takes one. The YAML stays the source: a
compiled form that does not carry its digest is not used.
"""

from __future__ import annotations

import sys

from npulint.errors import TableError
from npulint.opsets.loader import compile_table
from npulint.opsets.registry import shipped
from npulint.opsets.schema import FILE, schema_text


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
    FILE.write_text(schema_text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
