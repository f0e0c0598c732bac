"""TFLite models: what LiteRT's compiler plugin and Qualcomm's HTP compiler make of them.

The plugin asks the compiler about each operator and cuts the graph (`partition`), then has each
piece compiled (`apply`). Its program comes with `ai-edge-litert`; the QNN libraries that it loads
are those of `onnxruntime-qnn`. Compiled models cannot be run here: the package has no dispatch
library for the emulator.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import MissingExtraError, ModelFileError
from npulint.formats import load
from npulint.host.context import read_back
from npulint.host.marks import marks, unmarked, write_marked
from npulint.host.process import Ended, carry_out
from npulint.host.qnn_plugin_words import build, failure, refusals
from npulint.host.records import Answer, Identity, NodeAnswer, Outcome, Piece, Status, Stray

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from npulint.host.chips import Chip
    from npulint.host.records import Context
    from npulint.model import Graph, Model

PROGRAM = "tools/apply_plugin_main"
"""The plugin's program, within the package `ai_edge_litert`."""

_NAME = "LiteRT's Qualcomm plugin"
_PLUGINS = "vendors/qualcomm/compiler"
_DISPATCH = "DISPATCH_OP"
_UNMEASURED = "LiteRT's package has no library that runs compiled models on the emulator"


@dataclass(frozen=True, slots=True)
class _Cut:
    """How the plugin cut the graph.

    Attributes:
        pieces: Nodes of each piece.
        left: Nodes that stay.
        strays: What stays of the plugin's own making.
    """

    pieces: tuple[tuple[Identity, ...], ...]
    left: frozenset[Identity]
    strays: tuple[Stray, ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What became of the pieces; see `Answer`."""

    outcome: Outcome
    fault: str | None = None
    failed: frozenset[Identity] = frozenset()
    context: Context | None = None


def ask_plugin(model: Model, chip: Chip, timeout: float, folder: Path) -> Answer:
    """Have a TFLite model checked, cut and compiled.

    Args:
        model: The model.
        chip: What to compile it for.
        timeout: Seconds that each of both steps may take.
        folder: An empty temporary folder.

    Raises:
        MissingExtraError: The packages do not hold what is needed.
        ModelFileError: The model cannot be copied.
    """
    program = _Program(chip, timeout, folder)
    write_marked(model, folder / "model.tflite")
    cut_file = folder / "cut.tflite"
    ended = program.run("partition", cut_file)
    versions = {name: version(name) for name in ("ai-edge-litert", "onnxruntime-qnn")}
    fault = _fault(ended, timeout)
    if fault is not None:
        return _given_up(model, chip, versions, fault, late=ended.late)
    reasons = _by_node(model, refusals(ended.out, ended.err))
    cut = _read_cut(model, cut_file)
    compiled = _Compiled("nothing")
    if cut.pieces:
        applied = program.run("apply", folder / "compiled.tflite")
        compiled = _read_compiled(model, chip, cut, applied, folder / "compiled.tflite", timeout)
        found = build(applied.err)
        versions |= {} if found is None else {"QNN": found}
    return Answer(
        path=model.path,
        chip=chip,
        front_end="litert-plugin",
        nodes=tuple(_nodes(model, cut, compiled, reasons)),
        pieces=tuple(Piece(nodes, _is_compiled(nodes, compiled)) for nodes in cut.pieces),
        outcome=compiled.outcome,
        strays=cut.strays,
        fault=None if compiled.fault is None else unmarked(compiled.fault, model),
        context=compiled.context,
        unmeasured=_UNMEASURED,
        versions=versions,
    )


class _Program:
    """The plugin's program, and what it takes to start it."""

    def __init__(self, chip: Chip, timeout: float, folder: Path) -> None:
        self._chip, self._timeout, self._folder = chip, timeout, folder
        litert, qnn = _package("ai_edge_litert"), _package("onnxruntime_qnn")
        self._plugins = litert / _PLUGINS
        self._program = litert / PROGRAM
        for needed in (self._program, self._plugins, qnn / "libQnnSystem.so"):
            if not needed.exists():
                raise MissingExtraError(
                    f"{needed} is not in this version of its package: "
                    "pip install --upgrade 'npulint[qnn]'"
                )
        if not os.access(self._program, os.X_OK):
            # Installers drop the mode, and the package is not ours to change.
            copy = folder / self._program.name
            shutil.copyfile(self._program, copy)
            copy.chmod(0o700)
            self._program = copy
        # The plugin asks for a library of another accelerator, and only whether it is there.
        links = folder / "libraries"
        links.mkdir()
        (links / "libQnnLpai.so").symlink_to(qnn / "libQnnSystem.so")
        self._libraries = [links, qnn, qnn.with_name(f"{qnn.name}.libs")]

    def run(self, command: str, output: Path) -> Ended:
        """Run one of the program's commands on the copy of the model."""
        before = os.environ.get("LD_LIBRARY_PATH")
        paths = [*map(str, self._libraries), *([before] if before else [])]
        return carry_out(
            [
                str(self._program),
                f"--cmd={command}",
                "--soc_manufacturer=Qualcomm",
                f"--soc_model={self._chip.soc}",
                "--qualcomm_log_level=verbose",
                f"--libs={self._plugins}",
                f"--model={self._folder / 'model.tflite'}",
                f"--o={output}",
                f"--err={self._folder / 'words.txt'}",
            ],
            self._folder,
            self._timeout,
            {"LD_LIBRARY_PATH": os.pathsep.join(paths)},
        )


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise MissingExtraError(f"{name} is not installed: pip install 'npulint[qnn]'")
    return Path(spec.origin).parent


def _fault(ended: Ended, timeout: float) -> str | None:
    """What went wrong, None where nothing did."""
    if not ended.late and ended.code == 0:
        return None
    died = ended.obituary(_NAME, timeout) or f"{_NAME} ended with exit code {ended.code}"
    words, _ = failure(ended.out, ended.err)
    return f"{died}: {words}" if words else died


def _given_up(
    model: Model, chip: Chip, versions: Mapping[str, str], fault: str, *, late: bool
) -> Answer:
    """The answer where the plugin did not even cut the graph: it says nothing of any node."""
    nodes = (
        NodeAnswer(node.graph, node.index, node.op, node.name, "unknown")
        for graph in model.graphs
        for node in graph.nodes
    )
    outcome: Outcome = "unknown" if late else "failed"
    return Answer(
        path=model.path,
        chip=chip,
        front_end="litert-plugin",
        nodes=tuple(nodes),
        pieces=(),
        outcome=outcome,
        fault=fault,
        unmeasured=_UNMEASURED,
        versions=versions,
    )


def _by_node(
    model: Model, reasons: Mapping[Identity, tuple[str, ...]]
) -> dict[Identity, tuple[str, ...]]:
    """Reasons by node rather than by what the node makes."""
    return {node: told for value, told in reasons.items() for node in _makers(model, [value])}


def _makers(model: Model, values: Sequence[Identity]) -> Iterator[Identity]:
    for graph, index in values:
        if graph < len(model.graphs) and index < len(model.graphs[graph].values):
            for node in model.graphs[graph].uses[index].makers:
                yield node.graph, node.index


def _read_cut(model: Model, path: Path) -> _Cut:
    """Read how the graph was cut: new subgraphs hold the pieces, the old ones what stays.

    For each piece there is one node that calls it. Of the old subgraphs those are gone that
    described a composite which the plugin takes, or which LiteRT has taken apart.
    """
    try:
        cut = load(path)
    except ModelFileError as error:
        raise ModelFileError(model.path, f"what {_NAME} made of it cannot be read: {error}") from (
            error
        )
    calls = sum(node.op == _DISPATCH for graph in cut.graphs for node in graph.nodes)
    kept, new = cut.graphs[: len(cut.graphs) - calls], cut.graphs[len(cut.graphs) - calls :]
    stays = [each for graph in kept for each in _known(model, graph)]
    return _Cut(
        pieces=tuple(
            tuple(node for _, nodes in _known(model, graph) for node in nodes) for graph in new
        ),
        left=frozenset(node for _, nodes in stays for node in nodes),
        strays=tuple(
            Stray(op, f"{_NAME} made it and left it.") for op, nodes in stays if not nodes
        ),
    )


def _known(model: Model, graph: Graph) -> Iterator[tuple[str, tuple[Identity, ...]]]:
    """What a graph that the plugin wrote holds: operators, and the model's nodes that they are."""
    for node in graph.nodes:
        if node.op != _DISPATCH:
            made = [graph.values[index].name for index in node.outputs if index >= 0]
            values = [value for name in made for value in marks(name)]
            yield node.op, tuple(dict.fromkeys(_makers(model, values)))


def _read_compiled(  # noqa: PLR0913, PLR0917 - all that is known
    model: Model, chip: Chip, cut: _Cut, applied: Ended, path: Path, timeout: float
) -> _Compiled:
    fault = _fault(applied, timeout)
    if fault is None:
        return _Compiled("compiled", context=read_back([path], chip))
    if applied.late:
        return _Compiled("unknown", fault)
    _, values = failure(applied.out, applied.err)
    named = set(_makers(model, values))
    guilty = [piece for piece in cut.pieces if len(cut.pieces) == 1 or named & set(piece)]
    return _Compiled("failed", fault, frozenset(node for piece in guilty for node in piece))


def _is_compiled(nodes: Sequence[Identity], compiled: _Compiled) -> bool | None:
    if compiled.outcome == "compiled":
        return True
    return False if compiled.failed & set(nodes) else None


def _nodes(
    model: Model,
    cut: _Cut,
    compiled: _Compiled,
    reasons: Mapping[Identity, tuple[str, ...]],
) -> Iterator[NodeAnswer]:
    """What became of each node, in the order of the file."""
    handed = {node for piece in cut.pieces for node in piece}
    for graph in model.graphs:
        for node in graph.nodes:
            place = (node.graph, node.index)
            status: Status = "unknown"
            told: tuple[str, ...] = ()
            if place in cut.left or place in reasons:
                status = "refused"
                told = reasons.get(place, (f"{_NAME} left it and gives no reason.",))
            elif place in handed:
                reached: Status = "failed" if place in compiled.failed else "validated"
                status = "taken" if compiled.outcome == "compiled" else reached
            yield NodeAnswer(node.graph, node.index, node.op, node.name, status, told)
