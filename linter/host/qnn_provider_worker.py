"""The process in which ONNX Runtime hands a model to Qualcomm's compiler, and runs the emulator.

It is told what to do in a JSON file, and tells in a file of JSON lines how far it has come, so
that what was known before a crash is known after it. ONNX Runtime's own words, at their most
talkative, are on standard error.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

PROVIDER = "QNNExecutionProvider"

_TWICE = "ensure the input model is not already compiled"
"""Ends a session whose provider is asked again beside what it has compiled and written."""

_VERBOSE = 0
_NUMBERS = "biuf"


def main(request: str) -> None:
    """Do what a request asks.

    Args:
        request: A JSON file: `model`, `soc_model`, `context`, `trace`, `inputs` (an .npz file,
            or null where nothing is to be run), `outputs`, `told`.
    """
    with suppress(ImportError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    asked = json.loads(Path(request).read_text(encoding="utf-8"))
    with Path(asked["told"]).open("w", encoding="utf-8", buffering=1) as told:

        def tell(**what: object) -> None:
            told.write(json.dumps(what) + "\n")

        session = _create(asked, tell)
        if session is not None and asked["inputs"] is not None:
            _run(session, asked, tell)


def _create(asked: dict[str, Any], tell: Any) -> Any:
    """Have the model checked, cut and compiled, and tell who got which node.

    What is compiled is written down, since only that says for which chip it is. Where ONNX Runtime
    takes functions apart and asks the provider again, it cannot write what has been compiled
    before; the model is then compiled without.
    """
    import onnxruntime
    import onnxruntime_qnn

    tell(versions={name: version(name) for name in ("onnxruntime", "onnxruntime-qnn")})
    devices = _devices(onnxruntime)
    if not devices:
        # Once a process: whoever has several requests carried out in one comes here again.
        library = onnxruntime_qnn.get_library_path()
        onnxruntime.register_execution_provider_library(PROVIDER, library)
        devices = _devices(onnxruntime)
    for writing in (True, False):
        options = _options(onnxruntime, onnxruntime_qnn, devices, asked, writing=writing)
        try:
            # Without the last argument a session that fails is made again on the CPU, silently.
            session = onnxruntime.InferenceSession(asked["model"], options, enable_fallback=0)
        except Exception as error:  # the native module's have no base in common
            words = str(error) or type(error).__name__
            if writing and _TWICE in words:
                tell(unwritten=words)
                continue
            tell(refused=words)
            return None
        return _assigned(session, tell)
    return None


def _options(
    onnxruntime: Any, library: Any, devices: list[Any], asked: dict[str, Any], *, writing: bool
) -> Any:
    """What a session is made with; `writing` for whether what is compiled is written down."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _VERBOSE
    options.add_provider_for_devices(
        devices,
        {
            "backend_path": library.get_qnn_htp_path(),
            "soc_model": str(asked["soc_model"]),
            "enable_framework_op_trace": "1",
            "framework_op_trace_dir": asked["trace"],
        },
    )
    entries = {"session.record_ep_graph_assignment_info": "1"}
    if writing:
        entries |= {
            "ep.context_enable": "1",
            "ep.context_file_path": asked["context"],
            "ep.context_embed_mode": "0",
        }
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    return options


def _assigned(session: Any, tell: Any) -> Any:
    """Tell who got which node; the session, if the provider got any."""
    groups = session.get_provider_graph_assignment_info()
    tell(
        assignment=[
            {
                "provider": group.ep_name,
                "nodes": [[node.name, node.op_type] for node in group.get_nodes()],
            }
            for group in groups
        ]
    )
    return session if any(group.ep_name == PROVIDER for group in groups) else None


def _devices(onnxruntime: Any) -> list[Any]:
    return [each for each in onnxruntime.get_ep_devices() if each.ep_name == PROVIDER]


def _run(session: Any, asked: dict[str, Any], tell: Any) -> None:
    """Run the emulator once, and keep the outputs that are tensors of numbers."""
    with np.load(asked["inputs"]) as stored:
        arrays = [stored[f"arr_{place}"] for place in range(len(stored.files))]
    names = [each.name for each in session.get_inputs()]
    outputs = [each.name for each in session.get_outputs()]
    tell(running=True)
    began = time.monotonic()
    try:
        found = session.run(outputs, dict(zip(names, arrays, strict=True)))
    except Exception as error:
        tell(run_refused=str(error) or type(error).__name__)
        return
    seconds = time.monotonic() - began
    kept = {
        name: array
        for name, array in zip(outputs, found, strict=True)
        if getattr(getattr(array, "dtype", None), "kind", "") in _NUMBERS
    }
    np.savez(asked["outputs"], *kept.values())
    tell(ran=list(kept), seconds=seconds)
