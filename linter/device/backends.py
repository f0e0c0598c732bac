"""What a model is run by on a phone, and how benchmark_model is told so.

Options are those of google-ai-edge/LiteRT tflite/tools/benchmark and tflite/tools/delegates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

from npulint.errors import UsageError

Kind: TypeAlias = Literal["cpu", "nnapi", "gpu", "hexagon", "external"]


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to run a model.

    Attributes:
        kind: Which.
        argument: NNAPI's accelerator, the folder of Hexagon's libraries, or the delegate's
            library; empty for none.
    """

    kind: Kind
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind

    @property
    def delegate(self) -> str | None:
        """How benchmark_model calls the delegate; None for the CPU."""
        names = {"nnapi": "NNAPI", "gpu": "GPU", "hexagon": "Hexagon", "external": "EXTERNAL"}
        return names.get(self.kind)

    def libraries(self) -> list[Path]:
        """Files of this computer that have to go to the phone.

        Raises:
            UsageError: There are none where there must be.
        """
        if not self.argument or self.kind not in {"hexagon", "external"}:
            return []
        path = Path(self.argument)
        if self.kind == "external":
            return [path] if path.is_file() else []
        found = sorted(path.glob("*.so"))
        if not found:
            raise UsageError(f"--backend {self}: no library (.so) is in this folder")
        return found


def parse_backend(text: str) -> Backend:
    """Read `cpu`, `nnapi[:ACCELERATOR]`, `gpu`, `hexagon[:FOLDER]` or `external:LIBRARY`.

    Raises:
        UsageError: It is written otherwise.
    """
    kind, colon, argument = text.partition(":")
    if kind not in get_args(Kind):
        raise UsageError(
            f"--backend {text}: give cpu, nnapi, nnapi:ACCELERATOR, gpu, hexagon, hexagon:FOLDER "
            "or external:LIBRARY"
        )
    if colon and not argument:
        raise UsageError(f"--backend {text}: nothing follows the colon")
    if kind in {"cpu", "gpu"} and argument:
        raise UsageError(f"--backend {text}: {kind} takes nothing after a colon")
    if kind == "external" and not argument:
        raise UsageError(f"--backend {text}: name the delegate's library, external:LIBRARY")
    return Backend(cast(Kind, kind), argument)


def options(backend: Backend, folder: str, *, fp16: bool) -> list[str]:
    """The options that make benchmark_model use a backend.

    Args:
        backend: The backend.
        folder: The folder on the phone that has its libraries.
        fp16: Whether NNAPI may compute float32 in float16.
    """
    if backend.kind == "nnapi":
        named = [f"--nnapi_accelerator_name={backend.argument}"] if backend.argument else []
        allowed = ["--nnapi_allow_fp16=true"] if fp16 else []
        return ["--use_nnapi=true", "--disable_nnapi_cpu=true", *named, *allowed]
    if backend.kind == "gpu":
        return ["--use_gpu=true"]
    if backend.kind == "hexagon":
        where = [f"--hexagon_lib_path={folder}"] if backend.argument else []
        return ["--use_hexagon=true", *where]
    if backend.kind == "external":
        pushed = backend.libraries()
        path = f"{folder}/{pushed[0].name}" if pushed else backend.argument
        return [f"--external_delegate_path={path}"]
    return []


NOBODY = "npulint-names-nobody"
"""An accelerator that no phone has: NNAPI refuses it at once and tells which there are."""


def probing() -> list[str]:
    """Options that make benchmark_model name the phone's accelerators, and do nothing else."""
    return ["--use_nnapi=true", f"--nnapi_accelerator_name={NOBODY}", "--num_runs=1"]


def distinct(backends: Sequence[Backend]) -> tuple[Backend, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(backends))
