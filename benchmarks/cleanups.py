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
from collections.abc import Iterator, Mapping, Sequence
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

NETWORKS = ("unet_small", "csanet", "pmrid", "nafnet_tiny", "noahtcv", "pynet_v2_mobile")
"""One of each wiring that exporters write much around."""

CHAIN = 5000

REASONS: Mapping[str, str] = {
    "the logarithm of a softmax": (
        "LogSoftmax in one node is rounded otherwise, and is an operator that `neuron` and "
        "`tflite-gpu` refuse, which take Softmax and Log"
    ),
}
"""Why npulint leaves more of a model than a peer does, where that is on purpose."""

_INTRODUCTION = (
    "# What clean-ups leave",
    "",
    "Made by `python benchmarks/cleanups.py -o docs/cleanups.md`: the same ONNX models cleaned up",
    "by npulint (`npulint.rewriting.cleaned`: what `npulint fix` does before and after it",
    "rewrites, and what stands beside convolutions and matrix products taken into them) and by its",
    "peers.",
    "",
    "Each cell has the nodes left, the largest difference from the original in onnxruntime as a",
    "share of the output's range, CPU seconds and peak memory, each of a whole process. Seconds",
    "hang on the machine. Nodes of operator Constant are not counted.",
)

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
        error = f"{self.error:.0e}" if self.error else "0"
        return f"{self.nodes:,} · {error} · {self.seconds:.1f} s · {self.mebibytes:.0f} MiB"


@dataclass(frozen=True)
class Row:
    """One model, its nodes, and what each tool made of it, npulint first."""

    name: str
    nodes: int
    cells: tuple[Cell, ...]

    def text(self) -> str:
        """The row of the table."""
        return f"| {self.name} | {self.nodes:,} | {' | '.join(c.text() for c in self.cells)} |"

    def fewest(self) -> tuple[int, int]:
        """The fewest nodes that a peer leaves, and which peer that is."""
        return min(
            ((cell.nodes, place) for place, cell in enumerate(self.cells[1:]) if not cell.failure),
            default=(self.nodes, 0),
        )


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


def measured(path: Path, tools: Sequence[Tool]) -> Row:
    """Run the tools on one model."""
    expected = outputs(path, images(path))
    return Row(path.stem, node_count(path), tuple(clean(tool, path, expected) for tool in tools))


def render(rows: Sequence[Row], tools: Sequence[Tool]) -> str:
    """The page."""
    heads = " | ".join(f"{tool.name} {tool.version}" for tool in tools)
    lines = [
        *_INTRODUCTION,
        "",
        f"| model | nodes | {heads} |",
        "|---" * (2 + len(tools)) + "|",
        *(row.text() for row in rows),
        "",
        "## Where a peer leaves fewer",
        "",
        *(list(_ahead(rows, tools)) or ["Nowhere."]),
        "",
        "## Where npulint leaves fewer",
        "",
        *(list(_behind(rows)) or ["Nowhere."]),
    ]
    return "\n".join(lines) + "\n"


def _ahead(rows: Sequence[Row], tools: Sequence[Tool]) -> Iterator[str]:
    for row in rows:
        own, (nodes, place) = row.cells[0], row.fewest()
        if nodes < own.nodes:
            why = REASONS.get(row.name, "the reason is not known")
            yield f"- {row.name}: {tools[1 + place].name} {nodes:,}, npulint {own.nodes:,}. {why}."


def _behind(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        own, (nodes, _) = row.cells[0], row.fewest()
        if not own.failure and own.nodes < nodes:
            yield f"- {row.name}: npulint {own.nodes:,}, the best peer {nodes:,}."


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
            rows.append(measured(path, tools))
            print(rows[-1].text())
    if given.output is not None:
        write_whole(given.output, render(rows, tools))
    return 0


if __name__ == "__main__":
    sys.exit(main())
