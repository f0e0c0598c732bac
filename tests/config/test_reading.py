"""Configurations: what is read, and mistakes that people make, one each, with line and remedy."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from npulint.config.reading import SECTION_KEYS, SUPPRESSION_KEYS, TOP_KEYS, load
from npulint.config.schema import FILE, schema_text
from npulint.config.settings import Section, Settings
from npulint.config.toml import read
from npulint.errors import ConfigError

SCHEMA = json.loads(FILE.read_text(encoding="utf-8"))
HERE = Path(__file__).parent
MY_NPU = HERE.parent / "custom_target" / "acme.yaml"

FULL = """\
targets = ["nnapi-1.2", "mate30-pro-5g", "tables/acme.yaml"]
select = ["NPU1", "partitions", "npu7", "coverage-below-minimum"]
ignore = ["undecided-operator"]
fail-on = "warning"
baseline = "ci/baseline.json"
ratchet = true
require-known-coverage = true

[severity]
NPU204 = "error"
hygiene = "info"

[input-shapes]
"serving:0" = "1x3x720x1280"
mask = [1, 1, 720, 1280]

[min-coverage]
"nnapi-1.2" = 95
"pixel-4" = {nodes = 90.5, macs = 99}

[[paths]]
files = "models/old/**"
targets = ["nnapi-1.1"]
fail-on = "never"

[[paths]]
files = ["models/*.onnx", "more/"]
ignore = []
min-coverage = {"nnapi-1.1" = 0}

[[suppressions]]
rule = "refused-operator"
file = "models/*.tflite"
operator = "RESIZE_BILINEAR"
node = "decoder/*"
target = "tables/acme.yaml"
fingerprint = "0123456789abcdef"
reason = '''
measured, and
fast enough'''
until = 2027-03-31

[[suppressions]]
rule = "npu102"
target = "nnapi-1.2"
reason = "the converter is to be replaced"
until = "2028-02-29"
"""


def write(folder: Path, text: str, name: str = "npulint.toml") -> Path:
    (folder / "tables").mkdir(exist_ok=True)
    (folder / "tables" / "acme.yaml").write_bytes(MY_NPU.read_bytes())
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def plain(value: Any) -> Any:
    """Dates as JSON writes them."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def valid(text: str, folder: Path) -> bool:
    """Whether the schema for editors takes a configuration."""
    data = plain(read(write(folder, text)).part.data)
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(data)


def test_everything_that_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(write(tmp_path, FULL))
    assert settings.folder == tmp_path
    assert settings.baseline == tmp_path / "ci" / "baseline.json"
    assert settings.ratchet
    assert settings.everywhere == Section(
        targets=("nnapi-1.2", "mate30-pro-5g", "tables/acme.yaml"),
        select=("NPU1", "partitions", "npu7", "coverage-below-minimum"),
        ignore=("undecided-operator",),
        fail_on="warning",
        severity=({"NPU204": "error", "hygiene": "info"},),
        min_coverage={
            ("nnapi-1.2", "nodes"): 95,
            ("pixel-4", "nodes"): 90.5,
            ("pixel-4", "macs"): 99,
        },
        require_known_coverage=True,
        input_shapes={"serving:0": (1, 3, 720, 1280), "mask": (1, 1, 720, 1280)},
    )
    assert [each.files for each in settings.paths] == [
        ("models/old/**",),
        ("models/*.onnx", "more/"),
    ]
    first, second = settings.suppressions
    assert (first.rule, first.line, first.until) == ("NPU101", 31, date(2027, 3, 31))
    assert first.target == "acme-npu", "a file's target by the name that the report has"
    assert first.reason == "measured, and fast enough"
    assert (second.rule, second.line, second.until) == ("NPU102", 43, date(2028, 2, 29))
    assert valid(FULL, tmp_path)


def test_the_sample_says_everything() -> None:
    for key in {*TOP_KEYS, *SECTION_KEYS, *SUPPRESSION_KEYS, "files"}:
        assert key in FULL


def test_nothing_said_is_nothing_wanted(tmp_path: Path) -> None:
    path = write(tmp_path, "# nothing yet\n")
    assert load(path) == Settings(path=path, folder=tmp_path)


def test_a_pyproject(tmp_path: Path) -> None:
    text = "[project]\nname = 'x'\n\n[tool.npulint]\nselct = ['NPU1']\n"
    with pytest.raises(ConfigError, match=r"pyproject.toml:5: unknown key 'selct'"):
        load(write(tmp_path, text, "pyproject.toml"))
    good = write(tmp_path, text.replace("selct", "select"), "pyproject.toml")
    assert load(good).everywhere.select == ("NPU1",)


PLACED = 'rule = "NPU101"\nreason = "so"\noperator = "X"\n'

FORM: dict[str, tuple[str, int, str]] = {
    "a key misspelt": (
        "fail-on = 'error'\nselct = []", 2, "unknown key 'selct': did you mean select?"),
    "a key of another tool": ("\nline-length = 3", 2, "unknown key 'line-length': known are "),
    "a key with an underscore": ("fail_on = 'error'", 1, "did you mean fail-on?"),
    "a key misspelt in a table of several": (
        "[[paths]]\nfiles = '*'\nselect = []\n[[paths]]\nfiles = 'a'\nignor = []", 6,
        "unknown key 'ignor': did you mean ignore?"),
    "a key misspelt in an inline table": (
        "paths = [\n  {files = '*', select = []},\n  {files = '*', slect = []},\n]", 3, "'slect'"),
    "a measure misspelt": (
        "min-coverage.'nnapi-1.2' = {mac = 3}", 1, "unknown key 'mac': did you mean macs?"),
    "a place misspelt": (f"[[suppressions]]\n{PLACED}opertor = 'X'", 5, "did you mean operator?"),
    "one text for a list": ("select = 'NPU1'", 1, "expected a list, found a text"),
    "a number for a text": ("select = ['NPU1',\n 101]", 2, "expected a text, found the number 101"),
    "a list for a table": ("severity = []", 1, "expected a mapping, found a list"),
    "a table for several": ("[suppressions]\nrule = 'NPU101'", 1, "expected a list"),
    "a text for true": ("ratchet = 'yes'", 1, "expected true or false, found a text"),
    "an empty text": ("baseline = ''", 1, "expected a text, found an empty one"),
    "a name without quotes": (
        "[min-coverage]\nnnapi-1.2 = 95", 2, 'a name with a dot needs quotes: "nnapi-1.2"'
    ),
    "no minimum": ("[min-coverage]\nhiai = {}", 2, "is empty: expected a percentage"),
    "a severity of another tool": (
        "[severity]\nNPU101 = 'note'", 2, "unknown word 'note': expected error or warning or info"),
    "no severity": ("fail-on = 'none'", 1, "expected error or warning or info or never"),
    "too much": (
        "[min-coverage]\nhiai = 101", 2, "a percentage from 0 to 100, found the number 101"
    ),
    "a percentage as text": ("min-coverage.hiai = '95 %'", 1, "expected a percentage"),
    "true as a percentage": (
        "min-coverage.hiai = true", 1, "expected a percentage from 0 to 100, found true or false"
    ),
    "sizes in words": ("input-shapes.x = '1,3,8'", 1, "expected sizes from 1 on, as [1, 3"),
    "a size left open": ("input-shapes.x = [1, -1]", 1, "expected sizes from 1 on"),
    "sizes as texts": ("input-shapes = {\"x\" = [1, '3']}", 1, "expected a whole number"),
    "no sizes": ("input-shapes.x = []", 1, "expected sizes from 1 on"),
    "no files": ("[[paths]]\nselect = []", 1, "missing key 'files'"),
    "an empty list of files": ("[[paths]]\nfiles = []\nselect = []", 2, "is empty"),
    "a section that says nothing": ("[[paths]]\nfiles = 'a'", 1, "says nothing about these files"),
    "no targets": ("targets = []", 1, "leave 'targets' out"),
    "a path of Windows": ("[[paths]]\nfiles = 'a\\b'\nselect = []", 2, "write paths with '/'"),
    "a path from the root": ("[[paths]]\nfiles = '/a'\nselect = []", 2, "stay below it"),
    "a path out of the folder": (f"[[suppressions]]\n{PLACED}file = 'a/../b'", 5, "stay below it"),
    "no reason": (
        "[[suppressions]]\nrule = 'NPU101'\noperator = 'X'", 1, "missing key 'reason': why"),
    "an empty reason": (
        "[[suppressions]]\nrule = 'NPU101'\nreason = '  '\noperator = 'X'", 3, "expected a text"),
    "no rule": ("[[suppressions]]\nreason = 'so'\nfile = 'x'", 1, "missing key 'rule'"),
    "no place": (
        "ratchet = true\n[[suppressions]]\nrule = 'NPU101'\nreason = 'so'", 2, "names no place"),
    "a fingerprint cut short": (
        f"[[suppressions]]\n{PLACED}fingerprint = '0123'", 5, "expected 16 hexadecimal digits"),
    "a date in words": (
        f"[[suppressions]]\n{PLACED}until = 'next year'", 5, "expected a date as 2027-03-31"),
    "a number for a date": (f"[[suppressions]]\n{PLACED}until = 2027", 5, "expected a date"),
}  # fmt: skip
"""Slips of form, which the schema for editors finds too."""

MEANING: dict[str, tuple[str, int, str]] = {
    "a rule misspelt": (
        "ignore = [\n  'NPU1',\n  'refused-operater',\n]", 3, "did you mean refused-operator"),
    "a code that nobody has": ("select = ['NPU299']", 1, "unknown rule 'NPU299': did you mean NPU"),
    "a family misspelt": ("select = ['portabilty']", 1, "did you mean portability?"),
    "a family that there is not": ("select = ['NPU0']", 1, "unknown rule 'NPU0'"),
    "a rule misspelt in a table": (
        "[severity]\nNPU101 = 'info'\nleft-behind = 'error'", 3, "left-behind-operator?"),
    "a target misspelt": (
        "targets = ['nnapi-1.2', 'nnapi-1.9']", 1, "unknown target or device 'nnapi-1.9': did you"),
    "a target misspelt as a key": ("[min-coverage]\nhia = 3", 2, "did you mean hiai?"),
    "a target misspelt in a section": (
        "[[paths]]\nfiles = '*'\ntargets = ['pixel4']", 3, "pixel-4"),
    "a rule misspelt in a suppression": (
        "[[suppressions]]\nrule = 'refused'\nreason = 'so'\nfile = 'x'", 2,
        "unknown rule 'refused': "),
    "a family in a suppression": (
        "[[suppressions]]\nrule = 'NPU1'\nreason = 'so'\nfile = 'x'", 2, "is several rules"),
    "a rule about suppressions in one": (
        "[[suppressions]]\nrule = 'NPU903'\nreason = 'so'\nfile = 'x'", 2, "'ignore' it"),
    "a day that never comes": (
        f"[[suppressions]]\n{PLACED}until = '2027-02-29'", 5, "no such date: 2027-02-29"),
    "a date for a text": ("baseline = 2027-01-01", 1, "expected a text, found the date 2027-01-01"),
    "a day with an hour": (
        f"[[suppressions]]\n{PLACED}until = 2027-02-28T10:00:00", 5, "expected a date"),
    "a table of the user's that is not there": (
        "targets = [\n  'hiai',\n  './nowhere.yaml',\n]", 3, "there is no file ./nowhere.yaml"),
    "not a number": ("min-coverage.hiai = nan", 1, "expected a percentage"),
}  # fmt: skip
"""Slips of meaning: the form is right."""


@pytest.mark.parametrize("name", [*FORM, *MEANING])
def test_a_mistake_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    text, line, said = (FORM | MEANING)[name]
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, text))
    assert said in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / 'npulint.toml'}:{line}: ")
    assert error.value.line == line


@pytest.mark.parametrize("name", FORM)
def test_the_schema_finds_slips_of_form(name: str, tmp_path: Path) -> None:
    assert not valid(FORM[name][0], tmp_path)


@pytest.mark.parametrize("name", MEANING)
def test_the_schema_leaves_meaning_to_the_loader(name: str, tmp_path: Path) -> None:
    assert valid(MEANING[name][0], tmp_path)


def test_the_schema_is_fresh() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert FILE.read_text(encoding="utf-8") == schema_text(), "run python -m npulint.config.schema"


def test_a_table_of_the_users_own_at_fault_says_so_itself(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("family: x\n")
    with pytest.raises(Exception, match=r"bad.yaml:1: missing key"):
        load(write(tmp_path, "targets = ['bad.yaml']"))
