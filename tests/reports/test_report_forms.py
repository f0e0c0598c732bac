"""Which form goes where."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from npulint.cli import main
from npulint.errors import UsageError
from npulint.reports.forms import pair

PAIRED: dict[str, list[tuple[str, str | None]]] = {
    "--format json": [("json", None)],
    "-o a.sarif": [("sarif", "a.sarif")],
    "-o a.sarif.json": [("sarif", "a.sarif.json")],
    "-o a.json -o b.xml -o c.md -o d": [
        ("json", "a.json"), ("junit", "b.xml"), ("markdown", "c.md"), ("text", "d"),
    ],
    "--format json -o a.sarif": [("json", "a.sarif")],
    "--format sarif --format text -o a.sarif": [("sarif", "a.sarif"), ("text", None)],
    "--format text --format sarif -o a.sarif": [("sarif", "a.sarif"), ("text", None)],
    "--format github --format sarif -o a.sarif": [("sarif", "a.sarif"), ("github", None)],
    "--format json --format sarif -o a -o b": [("json", "a"), ("sarif", "b")],
    "--format github -o - --format sarif -o a.json": [("github", None), ("sarif", "a.json")],
    "-o - -o a.json": [("text", None), ("json", "a.json")],
    "--format sarif -o a.sarif -o b.json": [("sarif", "a.sarif"), ("json", "b.json")],
}  # fmt: skip

REFUSED = {
    "--format json --format text": "where to",
    "--format json --format sarif -o a": "which --format goes to a?",
    "-o a -o a": "given twice",
    "--format github -o a.sarif -o b.json": "where to",
}


def split(line: str) -> tuple[list[str], list[Path]]:
    words = line.split()
    pairs = list(zip(words[::2], words[1::2], strict=True))
    forms = [value for option, value in pairs if option == "--format"]
    return forms, [Path(value) for option, value in pairs if option == "-o"]


@pytest.mark.parametrize("line", PAIRED)
def test_paired(line: str) -> None:
    found = [(form, path and path.name) for form, path in pair(*split(line))]
    assert found == PAIRED[line]


@pytest.mark.parametrize("line", REFUSED)
def test_refused(line: str) -> None:
    with pytest.raises(UsageError, match=REFUSED[line].replace("?", r"\?")):
        pair(*split(line))


EXPORTS = Path(__file__).parent.parent.parent / "reference_models" / "exports"


def test_several_in_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = [tmp_path / name for name in ("a.sarif", "b.xml", "c.md", "d.json", "e.txt")]
    options = [word for path in outputs for word in ("-o", str(path))]
    code = main(["check", str(EXPORTS / "unet_small.tflite"), "-t", "nnapi-1.1", *options])
    assert code == 1
    assert capsys.readouterr().out == ""
    starts = ['{"', "<testsuites", "## npulint", '{"schema_version"', str(EXPORTS)]
    for path, start in zip(outputs, starts, strict=True):
        assert path.read_text(encoding="utf-8").startswith(start)


def test_nothing_is_written_where_one_cannot_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sarif_om", None)
    monkeypatch.delitem(sys.modules, "npulint.reports.sarif", raising=False)
    options = ["-o", str(tmp_path / "a.json"), "-o", str(tmp_path / "b.sarif")]
    assert main(["check", str(EXPORTS / "smallnet.onnx"), "-t", "nnapi-1.2", *options]) == 2
    said = capsys.readouterr().err
    assert said == "npulint: --format sarif needs sarif_om: pip install 'npulint[report]'\n"
    assert list(tmp_path.iterdir()) == []
