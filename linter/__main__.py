"""`python -m npulint`."""

import sys

from npulint.cli import main

if __name__ == "__main__":
    sys.exit(main())
