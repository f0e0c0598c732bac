"""What onnxslim, onnxsim and npulint's own clean-ups leave of the same ONNX models.

    python benchmarks/cleanups.py -o docs/cleanups.md
    python benchmarks/cleanups.py edsr pmrid            # of some reference networks

Reference networks exported small by both of PyTorch's exporters, a chain of 5,000 nodes, and small
models of which it is known what does nothing in them. Every tool runs in a process of its own, from
file to file: its CPU seconds (user and system) and largest resident size are the operating
system's. Each result runs in onnxruntime, unoptimised, on random input, and is compared with the
original, run alike: the largest difference as a share of the output's range. Nodes of operator
Constant are not counted: they are another way to store what initializers store.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import onnx

sys.path.insert(0, str(Path(__file__).parent))

import redundant
from synthetic import write_chain

from npulint.output import write_whole
from npulint.reference_models.catalogue import define
from npulint.reference_models.recipe import EXPORTERS, Recipe
from npulint.reference_models.trial import exported, small

NETWORKS = ("unet_small", "csanet", "pmrid", "nafnet_tiny", "noahtcv")
"""One of each wiring that exporters write much around."""

CHAIN = 5000

_CLEAN = (
    "import sys; from npulint.formats import load, save; from npulint.rewriting import cleaned;"
    "save(cleaned(load(sys.argv[1])), sys.argv[2])"
)

# A process begins with the peak memory of the one that started it, as Linux counts: a small one
# stands in between. The last line that the tool says of its own failure comes along.
_METER = (
    "import resource, subprocess, sys;"
    "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE);"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
    "said = done.stderr.decode(errors='replace').strip().splitlines() or [''];"
    "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.returncode, said[-1])"
)


@dataclass(frozen=True)
class Tool:
    """A command to which the names of two files are added."""

    name: str
    command: tuple[str, ...]

    @property
    def version(self) -> str | None:
        """The installed version, None where it is not installed."""
        try:
            return version(self.name)
        except PackageNotFoundError:
            return None


TOOLS = (
    Tool("npulint", (sys.executable, "-c", _CLEAN)),
    Tool("onnxslim", (sys.executable, "-m", "onnxslim")),
    Tool("onnxsim", (sys.executable, "-m", "onnxsim")),
)


@dataclass(frozen=True)
class Cell:
    """What one tool made of one model; `failure` says how it failed."""

    nodes: int = 0
    error: float = 0.0
    seconds: float = 0.0
    mebibytes: float = 0.0
    failure: str = ""

    def text(self) -> str:
        """The cell of the table."""
        if self.failure:
            return f"fails: {self.failure}"
        error = f"{self.error:.1g}" if self.error else "0"
        return f"{self.nodes:,} · {error} · {self.seconds:.1f} s · {self.mebibytes:.0f} MiB"


def models(names: Sequence[str], folder: Path) -> Iterator[Path]:
    """Write the models, each as its row is called."""
    for name in names:
        for exporter in EXPORTERS:
            recipe = Recipe("onnx", "none", exporter)
            path = folder / f"{name}, {exporter}.onnx"
            path.write_bytes(exported(define(name, small(name)), recipe).demanded(name))
            yield path
    redundant.write(folder)
    yield from (folder / f"{name}.onnx" for name in redundant.MODELS)
    path = folder / f"chain of {CHAIN:,} nodes.onnx"
    write_chain(path, CHAIN)
    yield path


def node_count(path: Path) -> int:
    """Nodes but those that only store."""
    graph = onnx.load(path, load_external_data=False).graph
    return sum(node.op_type != "Constant" for node in graph.node)


def outputs(
    path: Path, arrays: dict[str, npt.NDArray[np.float32]]
) -> list[npt.NDArray[np.float32]]:
    """What a model puts out, run as it is."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [np.asarray(each) for each in session.run(None, arrays)]


def images(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Random input of the sizes that a model states."""
    rng = np.random.default_rng(0)
    graph = onnx.load(path, load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    return {
        value.name: rng.uniform(
            0, 1, [size.dim_value for size in value.type.tensor_type.shape.dim]
        ).astype(np.float32)
        for value in graph.input
        if value.name not in stored
    }


def clean(tool: Tool, path: Path, expected: Sequence[npt.NDArray[np.float32]]) -> Cell:
    """Run one tool on one model, and hold what comes out against the original."""
    result = path.with_suffix(f".{tool.name}.onnx")
    command = (sys.executable, "-c", _METER, *tool.command, str(path), str(result))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, mebibytes, code, *said = done.stdout.split(maxsplit=3)
    if int(code) or not result.is_file():
        return Cell(failure=said[0].strip() if said else f"exit code {code}")
    try:
        found = outputs(result, images(path))
    except Exception as error:  # Whatever a runtime says of what a tool wrote is the finding.
        return Cell(failure=f"onnxruntime refuses the result: {str(error).splitlines()[0]}")
    if [each.shape for each in found] != [each.shape for each in expected]:
        return Cell(failure="the outputs have other shapes")
    if not all(np.isfinite(each).all() for each in (*found, *expected)):
        return Cell(failure="the outputs are not finite")
    error = max(
        float(np.abs(now - was).max() / (np.ptp(was) or 1.0))
        for now, was in zip(found, expected, strict=True)
    )
    return Cell(node_count(result), error, float(seconds), float(mebibytes))


def render(rows: Sequence[tuple[str, int, Sequence[Cell]]], tools: Sequence[Tool]) -> str:
    """The page."""
    lines = [
        "# What clean-ups leave",
        "",
        "Made by `python benchmarks/cleanups.py -o docs/cleanups.md`. The same ONNX models cleaned",
        "up by npulint (`npulint.rewriting.cleaned`: what `npulint fix` does before and after it",
        "rewrites, and factors and summands beside convolutions folded into their weights) and by",
        "its peers: nodes left, the largest difference from the original in onnxruntime as a share",
        "of the output's range, CPU seconds, and peak memory, each of a whole process. Nodes of",
        "operator Constant are not counted.",
        "",
        "| model | nodes | " + " | ".join(f"{t.name} {t.version}" for t in tools) + " |",
        "|---" * (2 + len(tools)) + "|",
    ]
    for name, count, cells in rows:
        lines.append(f"| {name} | {count:,} | " + " | ".join(c.text() for c in cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Compare the tools."""
    parser = argparse.ArgumentParser(description="Nodes that clean-ups leave, and what they cost.")
    parser.add_argument("names", nargs="*", default=NETWORKS, help="reference networks")
    parser.add_argument("-o", "--output", type=Path, help="the page to write")
    given = parser.parse_args()
    tools = [tool for tool in TOOLS if tool.version is not None]
    for tool in TOOLS:
        if tool.version is None:
            print(f"{tool.name} is not installed and is left out", file=sys.stderr)
    rows = []
    with TemporaryDirectory() as folder:
        for path in models(given.names, Path(folder)):
            expected = outputs(path, images(path))
            cells = [clean(tool, path, expected) for tool in tools]
            rows.append((path.stem, node_count(path), cells))
            print(path.stem, node_count(path), *(cell.text() for cell in cells), sep=" | ")
    if given.output is not None:
        write_whole(given.output, render(rows, tools))
    return 0


if __name__ == "__main__":
    sys.exit(main())
