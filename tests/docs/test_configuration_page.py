"""The page on configuration: its sample is one, and it has every key and option."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from npulint.cli_check import check
from npulint.config.reading import SECTION_KEYS, SUPPRESSION_KEYS, TOP_KEYS, load

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_the_sample_can_be_read(tmp_path: Path) -> None:
    (sample,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    table = ROOT / "tests" / "custom_target" / "acme.yaml"
    (tmp_path / "my-npu.yaml").write_bytes(table.read_bytes())
    path = tmp_path / "npulint.toml"
    path.write_text(sample, encoding="utf-8")
    settings = load(path)
    assert len(settings.everywhere.targets or ()) == 3
    assert len(settings.paths) == len(settings.suppressions) == 1


@pytest.mark.parametrize("key", sorted({*TOP_KEYS, *SECTION_KEYS, *SUPPRESSION_KEYS}))
def test_every_key_has_a_row(key: str) -> None:
    assert f"\n| `{key}` | " in PAGE


def test_every_option_is_named() -> None:
    named = {"config", "select", "ignore", "min_coverage", "require_known_coverage", "baseline"}
    options = {each.name: each.opts[0] for each in check.params}
    for name in (*named, "write_baseline"):
        assert options[name] in PAGE


def test_the_sample_in_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exports = ROOT / "reference_models" / "exports"
    (tmp_path / "model.tflite").write_bytes((exports / "smallnet.tflite").read_bytes())
    (tmp_path / "npulint.toml").write_text("targets = ['nnapi-1.1']\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(sample, names)
    (result,) = names["report"].models  # type: ignore[attr-defined]
    assert [each.target.name for each in result.targets] == ["nnapi-1.1"]
