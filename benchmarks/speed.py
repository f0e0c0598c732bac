"""CPU seconds and peak memory of npulint beside its peers, on the same files, in one run.

    python benchmarks/speed.py                 # small, 5,000 and 50,000 nodes, 1.5 GB of weights
    python benchmarks/speed.py --quick         # without the large ones
    python benchmarks/speed.py MODEL...        # files of your own

Every figure is of one whole process: user + system CPU seconds and the largest resident size,
as the operating system accounts for them. The median of several runs is shown. Tools that are
not installed are named and left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from synthetic import write_chain

_CHECKER = "import onnx, sys; onnx.checker.check_model(sys.argv[1])"
_LOAD_AND_SORT = (
    "import onnx, networkx, sys; m = onnx.load(sys.argv[1]); g = networkx.DiGraph();"
    "p = {o: i for i, n in enumerate(m.graph.node) for o in n.output};"
    "g.add_edges_from((p[v], i) for i, n in enumerate(m.graph.node) for v in n.input if v in p);"
    "list(networkx.topological_sort(g))"
)
_LEGALISE = (
    "import sys; from npulint.formats import load; from npulint.rewriting import rewrite;"
    "from npulint.fixers.record import Policy;"
    "from npulint.opsets.devices import find;"
    "asked = [find(name) for name in ('mate30-pro-5g', 'reno3-5g', 'pixel-4')];"
    "made = rewrite(load(sys.argv[1]), asked, Policy());"
    "sys.exit(not made.realised)"
)
_LINT = "import sys; from polygraphy.tools import main; sys.exit(main())"

# A process begins with the peak memory of the one that started it, as Linux counts. This one
# has written models of gigabytes, so a small process stands in between.
_METER = (
    "import resource, subprocess, sys; null = subprocess.DEVNULL;"
    "code = subprocess.run(sys.argv[1:], stdout=null, stderr=null).returncode;"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
    "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, code)"
)


@dataclass(frozen=True)
class Tool:
    """A command that looks at one model file; `needs` are the modules without which it fails."""

    name: str
    needs: tuple[str, ...]
    command: tuple[str, ...]
    dialects: tuple[str, ...] = (".onnx",)


TOOLS = (
    Tool(
        "npulint check",
        ("npulint",),
        (sys.executable, "-m", "npulint", "check", "-q", "--no-cache"),
        (".onnx", ".tflite"),
    ),
    Tool(  # with what would cure what is refused, as printed
        "npulint check, in words",
        ("npulint",),
        (sys.executable, "-m", "npulint", "check", "--no-cache"),
        (".onnx", ".tflite"),
    ),
    Tool(
        "npulint check, again",
        ("npulint",),
        (sys.executable, "-m", "npulint", "check"),
        (".onnx", ".tflite"),
    ),
    Tool(  # what `npulint fix` does before it runs both models
        "rewriting for three phones",
        ("npulint",),
        (sys.executable, "-c", _LEGALISE),
        (".onnx", ".tflite"),
    ),
    Tool("onnx.checker", ("onnx",), (sys.executable, "-c", _CHECKER)),
    Tool("onnx.load + networkx", ("onnx", "networkx"), (sys.executable, "-c", _LOAD_AND_SORT)),
    Tool(
        "onnxruntime mobile checker",
        ("onnxruntime",),
        (sys.executable, "-m", "onnxruntime.tools.check_onnx_model_mobile_usability"),
    ),
    Tool(
        "polygraphy check lint",
        ("polygraphy", "onnx_graphsurgeon", "onnxruntime"),
        (sys.executable, "-c", _LINT, "check", "lint"),
    ),
)


@dataclass(frozen=True)
class Figures:
    """Median CPU seconds, median peak memory in MiB, and the exit code of the last run."""

    cpu_s: float
    peak_mib: float
    code: int


def measure(tool: Tool, model: Path, runs: int) -> Figures:
    """Run a tool on a model several times as a process of its own, after once to warm up."""
    cpu, peak, code = [], [], 0
    for number in range(runs + 1):
        metered = [sys.executable, "-S", "-c", _METER, *tool.command, str(model)]
        said = subprocess.run(metered, stdout=subprocess.PIPE, text=True, check=True).stdout
        seconds, mebibytes, exit_code = said.split()
        if number:
            cpu.append(float(seconds))
            peak.append(float(mebibytes))
        code = int(exit_code)
    return Figures(statistics.median(cpu), statistics.median(peak), code)


def make_models(folder: Path, *, quick: bool) -> list[Path]:
    """Write the synthetic models and name the shipped ones."""
    exports = Path(__file__).parents[1] / "reference_models" / "exports"
    models = sorted(exports.glob("unet_small.*"))
    sizes = [5_000] if quick else [5_000, 50_000]
    for nodes in sizes:
        models.append(folder / f"chain_{nodes}.onnx")
        write_chain(models[-1], nodes)
    if not quick:
        # 6 blocks of 78 nodes; 13 * 2176^2 weights each, 1.48 GB together.
        for name, external in (("weights_inside", False), ("weights_outside", True)):
            models.append(folder / f"{name}.onnx")
            write_chain(models[-1], 78, channels=2176, external=external)
    return models


def main() -> int:
    """Measure and print one table a model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="leave out the large models")
    options = parser.parse_args()
    tools = []
    for tool in TOOLS:
        missing = [name for name in tool.needs if importlib.util.find_spec(name) is None]
        if missing:
            print(f"{tool.name}: left out, for want of the module {' and '.join(missing)}")
        else:
            tools.append(tool)
    with tempfile.TemporaryDirectory() as folder:
        models = options.models or make_models(Path(folder), quick=options.quick)
        for model in models:
            size = model.stat().st_size / 2**20
            print(f"\n{model.name} ({size:.1f} MiB)")
            print(f"  {'':<28}{'CPU s':>8}{'peak MiB':>10}{'exit':>6}")
            for tool in tools:
                if model.suffix in tool.dialects:
                    found = measure(tool, model, options.runs)
                    print(
                        f"  {tool.name:<28}{found.cpu_s:>8.2f}{found.peak_mib:>10.0f}"
                        f"{found.code:>6}"
                    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
