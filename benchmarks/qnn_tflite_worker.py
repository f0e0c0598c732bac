"""Runs TFLite models of the sweep on LiteRT's own kernels, one after the other.

Of each `told.json` tells when it is done: nothing, or the fault that was found.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from npulint.runtimes.litert_engine import FAULTS, open_session


def run(folder: Path) -> dict[str, str]:
    """Run the model of a folder on its inputs, and keep what it puts out."""
    try:
        session = open_session(str(folder / "plain.tflite"), ())
        with np.load(folder / "inputs.npz") as stored:
            session.run([stored[f"arr_{place}"] for place in range(len(stored.files))])
        outputs = [session.fetch(slot.key) for slot in session.outputs]
    except FAULTS as error:
        return {"fault": " ".join(str(error).split())[:300]}
    np.savez(folder / "outputs.npz", *outputs)
    return {}


def main(listing: str) -> None:
    """Work through the folders that a file lists, one a line."""
    for line in Path(listing).read_text(encoding="utf-8").splitlines():
        folder = Path(line)
        (folder / "told.json").write_text(json.dumps(run(folder)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
