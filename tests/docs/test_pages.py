"""The committed pages: as fresh as the tables, with links that lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from npulint import opsets
from npulint.fixers.catalogue import FAMILIES
from npulint.model import Operation, Value
from npulint.opsets.conditions import EXTRAS, WORDS
from npulint.opsets.loader import read_table
from npulint.opsets.relations import RELATIONS
from npulint.opsets.schema import schema_text
from npulint.reports import markdown, target_pages
from npulint.reports.documentation import documentation
from npulint.rules import RULES

DOCS = Path(__file__).parent.parent.parent / "docs"
WRITTEN = tuple(sorted(path.name for path in DOCS.glob("*.md")))
GENERATED = ("targets", "devices", "rules", "realisations")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return documentation()


def test_the_committed_pages_are_fresh(pages: dict[str, str]) -> None:
    committed = {
        path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8")
        for folder in GENERATED
        for path in (DOCS / folder).rglob("*")
    }
    stale = sorted(name for name, text in pages.items() if committed.get(name) != text)
    assert stale == [], "run make docs"
    assert committed.keys() == pages.keys(), "run make docs and remove what is not generated"


def test_every_target_device_and_rule_has_its_place(pages: dict[str, str]) -> None:
    tables = opsets.survey().tables
    places = target_pages.places(tables)
    for table in tables:
        page = pages[f"targets/{places[table.family, table.dialect]}"]
        for target in table.targets():
            assert f"| `{target.name}` | " in page
            assert f"`{target.name}`" in pages["targets/index.md"]
            assert f" of {target.date}." in page
            headings = {op for line in page.splitlines() for op in _heading(line)}
            assert headings >= target.entries.keys()
    for name in opsets.devices():
        assert f"`{name}`" in pages[f"devices/{name}.md"]
    for rule in RULES:
        assert "## What to do" in pages[f"rules/{rule.code}.md"]
    for family in FAMILIES:
        for way in family.ways:
            assert f"| `{way.name}` | {way.exactness} | " in pages["realisations/index.md"]


def _heading(line: str) -> list[str]:
    return line.removeprefix("### ").split(", ") if line.startswith("### ") else []


@pytest.mark.parametrize("name", ["nnapi-1.2", "hexagon-nn", "hiai"])
def test_every_condition_stands_there_as_a_sentence(name: str, pages: dict[str, str]) -> None:
    target = opsets.load_target(name)
    page = pages[f"targets/{target.family}.md"]
    for op in target.entries:
        for line in opsets.describe(target, op):
            if "without any condition" not in line.sentence:
                assert markdown.text(line.sentence.removesuffix(" (met here)")) in page
                assert markdown.source(line.source, target.sources) in page


def test_what_differs_by_level_says_where(pages: dict[str, str]) -> None:
    section = pages["targets/nnapi.md"].split("### MUL\n")[1].split("###")[0]
    rows = [line.split(" | ")[:2] for line in section.splitlines() if line.startswith("| the ")]
    assert rows[:4] == [
        ["| the operator version must be at most 3", "with a named accelerator"],
        ["| the operator version must be at most 2", "without a named accelerator"],
        ["| the type of x must be float32, uint8, int8 or int32", "from NNAPI 1.3 on"],
        ["| the type of x must be float32, uint8 or int8", "up to NNAPI 1.2"],
    ]


def test_links_lead_somewhere(pages: dict[str, str]) -> None:
    texts = {DOCS / name: text for name, text in pages.items()}
    texts |= {DOCS / name: (DOCS / name).read_text(encoding="utf-8") for name in WRITTEN}
    for path, text in texts.items():
        anchors = {markdown.anchor(h) for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if link.startswith("#"):
                assert link in anchors, f"{path}: {link}"
            elif not link.startswith("https://"):
                led = (path.parent / link).resolve()
                assert led in texts or (led.is_file() and led.suffix != ".md"), f"{path}: {link}"


SOURCES = {
    "acme/delegate src/check.cc 12 @0123abc": "[check.cc 12](URL#L12)",
    "acme/delegate src/check.cc 12-14 @0123abc": "[check.cc 12-14](URL#L12-L14)",
    "acme/delegate src/check.cc 12, 20-21 @0123abc": "[check.cc 12](URL#L12), [20-21](URL#L20-L21)",
    "acme/delegate src/check.cc @0123abc": "[check.cc](URL)",
    "acme/delegate src/check.cc Validate @0123abc": "[check.cc](URL) Validate",
    "acme/delegate src/check.cc 12, a_b.cc 3 @0123abc": "[check.cc 12](URL#L12), a_b.cc 3",
    "the guide page 3": "[guide](#sources) page 3",
    "the guide page 3 (2026-01-02)": "[guide](#sources) page 3",
    "see https://example.org/a now": "see <https://example.org/a> now",
    "a|b <c> *d*": "a\\|b \\<c> \\*d\\*",
}


@pytest.mark.parametrize("cited", SOURCES)
def test_sources_become_links(cited: str) -> None:
    url = "https://github.com/acme/delegate/blob/0123abc/src/check.cc"
    known = {"guide": "the guide (2026-01-02)"}
    assert markdown.source(cited, known) == SOURCES[cited].replace("URL", url)


def test_a_folder_is_linked_as_one() -> None:
    link = "[src](https://github.com/acme/delegate/tree/0123abc/src/)"
    assert markdown.source("acme/delegate src/ @0123abc") == link


def _blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_how_to_is_true(tmp_path: Path) -> None:
    first, variants, *_ = _blocks("add-a-target.md", "yaml")
    path = tmp_path / "my-npu.yaml"
    path.write_text(first, encoding="utf-8")
    assert opsets.load_target(path).name == "my-npu"
    path.write_text(first.replace("operators:", f"{variants}operators:", 1), encoding="utf-8")
    assert opsets.load_target(f"{path}#my-npu-2").level == 2


def test_the_predicate_of_the_how_to_works(tmp_path: Path) -> None:
    (code,) = _blocks("add-a-target.md", "python")
    names = {"__file__": str(tmp_path / "__init__.py")}
    exec(compile(code, "my_npu", "exec"), names)
    (predicate,) = names["EXTENSION"].predicates  # type: ignore[attr-defined]
    for height, truth in ((3, True), (4, False), (None, None), ("h", None)):
        value = Value(0, "", "float32", (1, height, 8, 8))
        operation = Operation("tflite", "CONV_2D", 1, (value,), ())
        assert predicate.judge(operation, (value,))[0] is truth


def test_the_language_page_has_every_word() -> None:
    page = (DOCS / "table-language.md").read_text(encoding="utf-8")
    schema = json.loads(schema_text())
    parts = (schema, *(schema["$defs"][name] for name in ("operator", "partitioning", "rule")))
    keys = [key for part in parts for key in part["properties"]]
    for word in (*WORDS, *EXTRAS, *RELATIONS, *keys):
        assert f"`{word}" in page, word


def test_tables_of_the_tree_tell_editors_of_the_schema() -> None:
    """Every table is read once more here, by the schema that its first line may name."""
    folders = [DOCS.parent / "opsets", DOCS.parent / "tests" / "custom_target"]
    for path in (path for folder in folders for path in folder.glob("*.yaml")):
        assert read_table(path).document.text_at("family")
        line = path.read_text(encoding="utf-8").splitlines()[0]
        schema = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", line)
        if schema is not None:
            assert (path.parent / schema[1]).read_text(encoding="utf-8") == schema_text()
