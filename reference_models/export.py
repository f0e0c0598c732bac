"""Write reference networks as their frameworks' own exporters write them.

`python -m npulint.reference_models.export [FOLDER]` writes the networks that npulint ships.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import NpulintError
from npulint.output import write_whole
from npulint.reference_models.catalogue import define
from npulint.reference_models.frameworks import need
from npulint.reference_models.quiet import quiet
from npulint.reference_models.recipe import Recipe, format_of

if TYPE_CHECKING:
    from npulint.reference_models.network import Network

SHIPPED = ("smallnet", "unet_small")
"""The networks whose exports are part of the package."""

EXPORTS = Path(__file__).parent / "exports"
"""Where they lie."""


class ExportRefusedError(NpulintError):
    """An exporter that does not write what it was asked for."""


@dataclass(frozen=True, slots=True)
class Export:
    """What an exporter made of a network.

    Attributes:
        recipe: What it was asked for.
        content: The file's bytes, None where the exporter refused.
        refusal: Why it refused, in its own words, else None.
    """

    recipe: Recipe
    content: bytes | None
    refusal: str | None = None

    def demanded(self, name: str) -> bytes:
        """The bytes, of which there must be some.

        Args:
            name: What the network is called.

        Raises:
            ExportRefusedError: The exporter does not write this network in this form.
        """
        if self.content is None:
            raise ExportRefusedError(f"{name} as {self.recipe}: {self.refusal}")
        return self.content


def attempt(network: Network, recipe: Recipe) -> Export:
    """Export a network, or learn why its framework does not.

    Args:
        network: What to export.
        recipe: In which form.

    Returns:
        The bytes, or the refusal.

    Raises:
        MissingExtraError: The framework is not installed.
    """
    try:
        return Export(recipe, _convert(network, recipe))
    except RuntimeError as error:
        return Export(recipe, None, _reason(str(error)))


def export(network: Network, path: Path, recipe: Recipe | None = None) -> None:
    """Write a network to a file, whole or not at all.

    Args:
        network: What to write.
        path: `.onnx` goes through torch.onnx.export, `.tflite` through TFLiteConverter.
        recipe: In which form; float32 at the default opset when None.

    Raises:
        UsageError: The file has another ending or cannot be written.
        MissingExtraError: The framework is not installed.
        ExportRefusedError: The exporter does not write this network in this form.
    """
    made = attempt(network, recipe or Recipe(format_of(path)))
    write_whole(path, made.demanded(network.name))


def _convert(network: Network, recipe: Recipe) -> bytes:
    if recipe.format == "onnx":
        need("torch", "an export as .onnx")
        with quiet():
            from npulint.reference_models import export_onnx

            return export_onnx.convert(network, recipe)
    need("tensorflow", "an export as .tflite")
    with quiet():
        from npulint.reference_models import export_tflite

        return export_tflite.convert(network, recipe)


def _reason(message: str) -> str:
    """The line of an exporter's message that says what it misses."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"\b(error|not (yet )?supported)\b", line, re.I)]
    return (telling or lines or ["no reason was given"])[0]


def main(arguments: list[str]) -> None:
    """Write every shipped network in both formats."""
    folder = Path(arguments[0]) if arguments else EXPORTS
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        for ending in ("onnx", "tflite"):
            path = folder / f"{name}.{ending}"
            export(define(name), path)
            print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
