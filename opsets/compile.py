"""Write the compiled form of every shipped table and profile, and the schema for editors.

Run `python -m npulint.opsets.compile` after changing a table, a profile or the vocabulary.

PyYAML takes some 50 ms for a table of this size, JSON takes one. The YAML stays the source: a
compiled form that does not carry its digest is not used.
"""

from __future__ import annotations

import sys

from npulint.errors import TableError
from npulint.opsets.devices import check_shipped, shipped_profiles
from npulint.opsets.family import check_document
from npulint.opsets.loader import compile_table
from npulint.opsets.registry import shipped
from npulint.opsets.schema import FILE, schema_text


def main() -> int:
    """Compile all tables and profiles; nothing is written for one that is at fault.

    Returns:
        The exit code: 0, or 2 where one is at fault.
    """
    checks = [(path, check_document) for path in shipped()]
    checks += [(path, check_shipped) for path in shipped_profiles()]
    for path, check in checks:
        try:
            text = compile_table(path, check)
        except TableError as error:
            print(error, file=sys.stderr)
            return 2
        path.with_suffix(".json").write_text(text, encoding="utf-8")
        print(f"{path.with_suffix('.json').name}: {len(text)} bytes")
    FILE.write_text(schema_text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
