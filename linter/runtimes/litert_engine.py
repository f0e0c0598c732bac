"""TFLite models on LiteRT's own kernels, or TensorFlow's where only that is installed.

No delegate is applied, XNNPACK included: what is compared is what the operators mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npulint.runtimes.wire import Array, Key, Slot

FAULTS: tuple[type[Exception], ...] = (RuntimeError, ValueError, OSError)

_THREADS = 2


def find_runtime() -> tuple[str, Any, Any]:
    """Name and version, the interpreter's class, and the kernels without delegates."""
    try:
        import ai_edge_litert
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ModuleNotFoundError:
        import tensorflow as tf

        without = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        return f"TensorFlow Lite {tf.__version__}", tf.lite.Interpreter, without
    from importlib.metadata import version

    name = f"LiteRT {version(ai_edge_litert.__name__)}"
    return name, Interpreter, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


class TfliteSession:
    """A model in LiteRT."""

    def __init__(self, path: str, watch: Sequence[Key]) -> None:
        self.runtime, interpreter, resolver = find_runtime()
        self._interpreter = interpreter(
            model_path=path,
            num_threads=_THREADS,
            experimental_op_resolver_type=resolver,
            experimental_preserve_all_tensors=bool(watch),
        )
        details = self._interpreter.get_input_details()
        self.inputs = tuple(_slot(each) for each in details)
        self.outputs = tuple(_slot(each) for each in self._interpreter.get_output_details())
        self._shapes = [tuple(each["shape"].tolist()) for each in details]
        # Where sizes are free, those that the file happens to start from need not work.
        self._allocated = not any(None in slot.shape for slot in self.inputs)
        if self._allocated:
            self._interpreter.allocate_tensors()

    def run(self, arrays: Sequence[Array]) -> None:
        """Run once, on one array for each input."""
        keys = [slot.key for slot in self.inputs]
        for place, (key, array) in enumerate(zip(keys, arrays, strict=True)):
            if array.shape != self._shapes[place]:
                self._allocated = False
                self._interpreter.resize_tensor_input(key, array.shape)
                self._shapes[place] = array.shape
        if not self._allocated:
            self._interpreter.allocate_tensors()
            self._allocated = True
        self._interpreter.reset_all_variables()
        for key, array in zip(keys, arrays, strict=True):
            self._interpreter.set_tensor(key, array)
        self._interpreter.invoke()

    def fetch(self, key: Key) -> Array:
        """An output or, where tensors are watched, any tensor of the last run."""
        found: Array = self._interpreter.get_tensor(key)
        return found


def open_session(path: str, watch: Sequence[Key]) -> TfliteSession:
    """Load a model; tensors by index in `watch` can be fetched like outputs."""
    return TfliteSession(path, watch)


def _slot(detail: Any) -> Slot:
    signature = detail["shape_signature"]
    sizes = (signature if len(signature) else detail["shape"]).tolist()
    shape = tuple(size if size >= 0 else None for size in sizes)
    return Slot(int(detail["index"]), detail["name"], np.dtype(detail["dtype"]).name, shape)
