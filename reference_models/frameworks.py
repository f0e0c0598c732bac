"""The frameworks that exports need, none of which npulint itself depends on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from npulint.errors import MissingExtraError

_NEEDED = {
    "torch": ("torch", "onnxscript"),
    "tensorflow": ("tensorflow",),
    "training": ("torch", "safetensors"),
    "verify": ("onnxruntime", "ai_edge_litert"),
}

_DISTRIBUTIONS = {
    "onnx": ("torch", "onnx", "onnxscript"),
    "tflite": ("tensorflow", "keras"),
}


def need(extra: str, purpose: str) -> None:
    """Make sure that the packages of an extra are there.

    Args:
        extra: `torch`, `tensorflow`, `training` or `verify`.
        purpose: What they are needed for, as the beginning of a sentence.

    Raises:
        MissingExtraError: One of them is absent.
    """
    for module in _NEEDED[extra]:
        if find_spec(module) is None:
            raise MissingExtraError(
                f"{purpose} needs {module}, which is not installed: pip install 'npulint[{extra}]'"
            )


def versions(form: str) -> dict[str, str]:
    """The versions of what has a say in an exported file.

    Args:
        form: `onnx` or `tflite`.
    """
    return {name: _version(name) for name in _DISTRIBUTIONS[form]}


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
