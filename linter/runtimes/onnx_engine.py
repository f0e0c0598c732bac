"""ONNX models on onnxruntime's CPU execution provider, with its graph optimisations off.

Optimisations would fuse and reorder nodes: what is compared is the graph as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from npulint.runtimes.wire import Array, Key, Slot

FAULTS: tuple[type[Exception], ...] = (
    # The native module's exceptions have no base of their own in common.
    *(
        kind
        for kind in vars(native).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
    RuntimeError,
    ValueError,
    OSError,
)

_NUMPY = {"float": "float32", "double": "float64"}
_SILENT = 4


class OnnxSession:
    """A model in onnxruntime."""

    def __init__(self, path: str, watch: Sequence[Key]) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = _SILENT
        # An arena would keep what one size of input took while another is run.
        options.enable_cpu_mem_arena = False
        source: str | bytes = path
        if watch:
            source = with_outputs(Path(path), [str(name) for name in watch])
            folder = "session.model_external_initializers_file_folder_path"
            options.add_session_config_entry(folder, str(Path(path).parent))
        self._session = onnxruntime.InferenceSession(
            source, options, providers=["CPUExecutionProvider"]
        )
        watched = set(watch)
        self.runtime = f"onnxruntime {onnxruntime.__version__}"
        self.inputs = tuple(_slot(each) for each in self._session.get_inputs())
        outputs = tuple(_slot(each) for each in self._session.get_outputs())
        self.outputs = tuple(slot for slot in outputs if slot.key not in watched)
        self._names = [slot.name for slot in outputs]
        self._results: dict[Key, Any] = {}

    def run(self, arrays: Sequence[Array]) -> None:
        """Run once, on one array for each input."""
        self._results.clear()
        feeds = {slot.name: each for slot, each in zip(self.inputs, arrays, strict=True)}
        found = self._session.run(self._names, feeds)
        self._results.update(zip(self._names, found, strict=True))

    def fetch(self, key: Key) -> Array:
        """An output or a watched value of the last run."""
        found: Array = self._results[key]
        return found


def open_session(path: str, watch: Sequence[Key]) -> OnnxSession:
    """Load a model; values named in `watch` can be fetched like outputs."""
    return OnnxSession(path, watch)


def with_outputs(path: Path, names: Sequence[str]) -> bytes:
    """The model in a file with more of its values as outputs.

    Two protobuf messages in a row read as one whose lists are joined, so that the weights need
    not be decoded to lengthen the list of outputs.
    """
    import onnx

    outputs = [onnx.ValueInfoProto(name=name) for name in names]
    addition = onnx.ModelProto(graph=onnx.GraphProto(output=outputs))
    added: bytes = addition.SerializeToString()
    return path.read_bytes() + added


def _slot(found: Any) -> Slot:
    shape = tuple(
        size if isinstance(size, str) or (isinstance(size, int) and size >= 0) else None
        for size in found.shape
    )
    return Slot(found.name, found.name, _dtype(found.type), shape)


def _dtype(kind: str) -> str:
    """`float32` for `tensor(float)`; the runtime's own word for what numpy has no type for."""
    match = re.fullmatch(r"tensor\((\w+)\)", kind)
    name = _NUMPY.get(match[1], match[1]) if match else kind
    return name if name in np.sctypeDict else kind
