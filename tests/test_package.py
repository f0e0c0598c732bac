"""What is installed is what is in the tree, and importing it stays light."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FOLDERS = {
    "linter": "npulint",
    "opsets": "npulint/opsets",
    "rules": "npulint/rules",
    "fixers": "npulint/fixers",
    "reference_models": "npulint/reference_models",
}

WHEEL_LIMIT = 3_000_000

HEAVY = {"tensorflow", "keras", "torch", "onnxruntime", "onnxscript", "ai_edge_litert"}
ON_DEMAND = {"numpy", "networkx", "onnx", "yaml", "rich", "click"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as a user would get it: through the sdist, from a copy of the tree."""
    tree = tmp_path_factory.mktemp("tree")
    for name in FOLDERS.keys() & {path.name for path in ROOT.iterdir()}:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.in"):
        shutil.copy(ROOT / name, tree)
    built = tree / "dist"
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(built), str(tree)],
        check=True,
        capture_output=True,
    )
    (path,) = built.glob("*.whl")
    return path


def test_the_wheel_holds_the_tree_and_nothing_else(wheel: Path) -> None:
    expected = {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, package in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_the_wheel_is_small(wheel: Path) -> None:
    """Trained weights have a bound of their own in `tests/training/test_trained.py`."""
    with zipfile.ZipFile(wheel) as archive:
        weights = sum(
            each.compress_size
            for each in archive.infolist()
            if each.filename.endswith(".safetensors")
        )
    assert weights
    assert wheel.stat().st_size - weights < WHEEL_LIMIT


def test_the_wheel_carries_its_licence_and_its_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.split(".dist-info/")[-1]: name for name in archive.namelist()}
        assert "licenses/LICENSE" in names
        assert "npulint = npulint.cli:main" in archive.read(names["entry_points.txt"]).decode()


def imported_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after a statement."""
    report = "import json, sys; print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    run = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{report}"], check=True, capture_output=True, text=True
    )
    return set(json.loads(run.stdout))


def test_importing_the_package_imports_nothing_else() -> None:
    imported = imported_by("import npulint")
    assert "npulint" in imported
    assert imported.isdisjoint(HEAVY | ON_DEMAND)


def test_defining_a_reference_network_needs_no_framework() -> None:
    imported = imported_by("from npulint.reference_models import define; define('smallnet')")
    assert imported.isdisjoint(HEAVY | ON_DEMAND)


@pytest.mark.parametrize("ending", ["tflite", "onnx"])
def test_checking_a_model_needs_no_framework(ending: str) -> None:
    model = ROOT / "reference_models" / "exports" / f"smallnet.{ending}"
    statement = f"import npulint; assert npulint.check({str(model)!r}, ['nnapi-1.2']).models"
    assert imported_by(statement).isdisjoint(HEAVY)
