"""Works through folders of the sweep in one process, one case after the other.

Each case leaves what `npulint.host` reads an answer from, and what the CPU makes of the same
inputs; `begun` and `done` are there for whoever finds that the process has died in between.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from npulint.host import qnn_provider_worker


def reference(folder: Path) -> None:
    """Run the model of a folder on the CPU, as it is written."""
    from npulint.runtimes import onnx_engine

    session = onnx_engine.open_session(str(folder / "model.onnx"), ())
    with np.load(folder / "inputs.npz") as stored:
        session.run([stored[f"arr_{place}"] for place in range(len(stored.files))])
    outputs = [session.fetch(slot.key) for slot in session.outputs]
    np.savez(folder / "reference.npz", *outputs)


def main(listing: str) -> None:
    """Work through the folders that a file lists, one a line."""
    for line in Path(listing).read_text(encoding="utf-8").splitlines():
        folder = Path(line)
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(log, 2)
        os.close(log)
        (folder / "begun").touch()
        if (folder / "inputs.npz").exists():
            reference(folder)
        qnn_provider_worker.main(str(folder / "request.json"))
        sys.stderr.flush()
        (folder / "done").touch()


if __name__ == "__main__":
    main(sys.argv[1])
