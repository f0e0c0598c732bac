"""The reference networks, node by node: what the HTP compiler makes of them.

    python benchmarks/qnn_networks.py --keep networks.jsonl                # all, both formats
    python benchmarks/qnn_networks.py --keep networks.jsonl --on qnn-htp-v73 unet_small pmrid

Each network is built small, in float32, and handed to the compiler of each chip, which is not asked
to run it. A line of the result is one file on one chip with what became of every node. What the
file holds of the same model and the same packages is not asked again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from npulint.errors import NpulintError
from npulint.formats import load
from npulint.host import ask
from npulint.model import Model
from npulint.reference_models.catalogue import CATALOGUE, define
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.trial import exported, small

CHIPS = ("qnn-htp-v73", "qnn-htp-v75")
PACKAGES = {"onnx": ("onnxruntime", "onnxruntime-qnn"), "tflite": ("ai-edge-litert",)}
TIMEOUT = 600.0

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Network:
    """One network in one format."""

    name: str
    format: str
    content: bytes

    @property
    def digest(self) -> str:
        """What tells it from what it was before."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    def model(self, folder: Path) -> Model:
        """The network, read from a file in a folder."""
        path = folder / f"{self.name}.{self.format}"
        path.write_bytes(self.content)
        return load(path)


def network(name: str, form: str) -> Network:
    """Build a network small, or take what was built before."""
    recipe = Recipe("onnx" if form == "onnx" else "tflite", "none")
    return Network(name, form, exported(define(name, small(name)), recipe).demanded(name))


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask about what has not been asked, and write down each answer when it is there."""
    given = _arguments(arguments)
    known = {_key(line) for line in read(given.keep)}
    for name in given.names or CATALOGUE:
        for form in given.format or list(PACKAGES):
            made = network(name, form)
            for chip in given.on or CHIPS:
                line = {
                    "network": name,
                    "format": form,
                    "digest": made.digest,
                    "target": chip,
                    "versions": {each: version(each) for each in PACKAGES[form]},
                }
                if _key(line) in known:
                    continue
                line |= _asked(made, chip)
                with given.keep.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(line) + "\n")
                print(f"{name}.{form} on {chip}: {line['outcome']}", flush=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="networks; default: all")
    parser.add_argument("--keep", type=Path, required=True, help="JSON lines")
    parser.add_argument("--on", action="append", help=f"default: {' and '.join(CHIPS)}")
    parser.add_argument("--format", action="append", choices=list(PACKAGES), help="default: both")
    return parser.parse_args(arguments)


def read(path: Path) -> Iterator[Line]:
    """The lines of a file, the last of each network, format and chip."""
    lines = {}
    if path.exists():
        for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if text.endswith("\n"):
                line = json.loads(text)
                lines[line["network"], line["format"], line["target"]] = line
    yield from lines.values()


def _key(line: Line) -> tuple[str, ...]:
    return (*(line[key] for key in ("network", "format", "digest", "target")),
            *map(str, sorted(line["versions"].items())))  # fmt: skip


def _asked(made: Network, chip: str) -> Line:
    """What became of the nodes: by graph and position, as one word each and reasons apart."""
    with TemporaryDirectory(prefix="qnn-networks-") as folder:
        path = Path(folder) / f"{made.name}.{made.format}"
        path.write_bytes(made.content)
        answer = ask(path, chip, run=False, timeout=TIMEOUT)
    return {
        "nodes": [[node.graph, node.index, node.op, node.status] for node in answer.nodes],
        "reasons": {
            f"{node.graph}:{node.index}": " ".join(node.reasons)
            for node in answer.nodes
            if node.reasons
        },
        "strays": [[stray.op, stray.reason] for stray in answer.strays],
        "outcome": answer.outcome,
        "fault": answer.fault,
        "qnn": answer.versions.get("QNN"),
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


if __name__ == "__main__":
    try:
        main()
    except NpulintError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error
