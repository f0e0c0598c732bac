"""The HTML report as a file: what stands in it, and that nothing in a model can break it."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from lxml import html as lxml_html
from made import EXPORTS, HOSTILE
from pages import PHONES, REPORTS, written

from npulint.cli import main
from npulint.reports.html.data import runs, script_json
from npulint.reports.wording import printable

MEBIBYTE = 2**20


@cache
def text_of(name: str) -> str:
    with TemporaryDirectory() as folder:
        return written(name, Path(folder)).read_text(encoding="utf-8")


@cache
def page(name: str) -> Any:
    return lxml_html.document_fromstring(text_of(name))


def words(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def data(name: str, model: int = 0) -> Any:
    (script,) = page(name).xpath(f"//script[@id='data-{model}']")
    return json.loads(script.text)


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_needs_nothing_else(name: str) -> None:
    tree = page(name)
    assert not tree.xpath("//link | //img | //iframe | //object | //embed | //base | //style/@src")
    assert not tree.xpath("//@src | //@srcset | //@style | //@action | //@background")
    assert not [a for a in tree.xpath("//@*") if a.attrname.startswith("on")]
    for address in tree.xpath("//@href"):
        assert address.startswith(("#", "https://", "http://"))
    (style,) = tree.xpath("//style")
    assert "url(" not in style.text
    assert "@import" not in style.text


@pytest.mark.parametrize("name", REPORTS)
def test_its_policy_allows_its_own_style_and_script_only(name: str) -> None:
    tree = page(name)
    (policy,) = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    said = dict(part.split(" ", 1) for part in policy.split("; "))
    for kind, path in (("style-src", "//style"), ("script-src", "//script[not(@type)]")):
        (element,) = tree.xpath(path)
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert said[kind] == f"'sha256-{digest}'"
    assert said["default-src"] == said["base-uri"] == said["form-action"] == "'none'"
    head = text_of(name).partition("<style")[0]
    assert "Content-Security-Policy" in head, "a policy holds for what comes after it"


@pytest.mark.parametrize("name", REPORTS)
def test_names_are_unique_and_links_within_lead_somewhere(name: str) -> None:
    tree = page(name)
    names = tree.xpath("//@id")
    assert len(names) == len(set(names))
    for address in tree.xpath("//a/@href"):
        node = re.fullmatch(r"#m(\d+)-g(\d+)-n(\d+)", address)
        if node is not None:
            model, graph, index = map(int, node.groups())
            assert index < len(data(name, model)["graphs"][graph]["op"])
        elif address.startswith("#"):
            assert address[1:] in names


def test_hostile_text_makes_no_markup() -> None:
    text = text_of("hostile")
    tree = page("hostile")
    assert len(tree.xpath("//script")) == 3, "shared data, one readable model, the page's own"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    shown = printable(HOSTILE)
    assert shown in words(tree.xpath("//div[@class='findings']")[0])
    assert shown in words(tree.xpath("//details[@class='silenced']")[0])
    assert data("hostile")["graphs"][0]["name"] == [shown] * 7
    assert not tree.xpath("//pre"), "a path that cannot be typed is in no command"


@pytest.mark.parametrize(
    "text",
    [
        "</script>",
        "<!--<script>",
        "]]>",
        "&amp;",
        "\u2028\u2029",
        "\"'\\",
        "\ud800",
        "\u202eabc",
        "\x00",
    ],
)
def test_data_in_a_script_element_stays_there(text: str) -> None:
    written_as = script_json([text])
    assert json.loads(written_as) == [text]
    assert written_as.isascii()
    assert not set("<>&") & set(written_as)


def test_numbers_in_a_row_are_pairs() -> None:
    assert runs([3, 3, 3, -1, 3]) == [3, 3, -1, 1, 3, 1]
    assert runs([]) == []


def test_findings_stand_rule_by_rule_with_counts_evidence_and_command() -> None:
    tree = page("refused")
    headings = [words(each) for each in tree.xpath("//div[@class='rule']/h4")]
    assert headings == ["NPU101 refused-operator 8", "NPU102 undecided-operator 8"]
    first = tree.xpath("//details[contains(@class, 'finding')]")[0]
    assert words(first.xpath(".//span[@class='op']")[0]) == "TRANSPOSE_CONV ×8"
    assert first.get("data-who") == "cpu"
    assert json.loads(first.xpath(".//@data-places")[0])[0] == [0, 28, 0]
    assert "https://arxiv.org/abs/2004.12599" in first.xpath(".//cite/a/@href")
    (command,) = first.xpath(".//pre")
    model = EXPORTS / "unet_small.tflite"
    fixed = EXPORTS / "unet_small.fixed.tflite"
    assert command.text_content() == f"npulint fix {model} -o {fixed} -t mate30-pro-5g -t pixel-4"


def test_each_target_has_its_row_its_ribbon_and_its_pieces() -> None:
    tree = page("refused")
    rows = [words(row) for row in tree.xpath("//table[@class='summary']/tbody/tr")]
    assert rows == [
        "mate30-pro-5g 92.5 % 98.8 % 5 4 0 4 errors",
        "reno3-5g 100 % 100 % 1 0 0 none",
        "pixel-4 77.4 % 78.1 % 5 4 8 4 errors 8 warnings",
    ]
    lanes = tree.xpath("//div[@class='lane'][@data-target]")
    assert [words(lane.xpath("./p/a")[0]) for lane in lanes] == list(PHONES)
    for lane in lanes:
        assert len(lane.xpath(".//svg[@class='by-nodes'] | .//svg[@class='by-macs']")) == 2
    pieces = tree.xpath("//details[@id='m0-t2']//table[@class='pieces']/tbody/tr")
    assert words(pieces[1]) == "2 CPU 3 28-30 619 KiB 450 KiB"
    assert "Cure TRANSPOSE_CONV ×4" in words(tree.xpath("//details[@id='m0-t0']")[0])


def test_the_data_tells_of_each_node_who_runs_it_and_why() -> None:
    found = data("refused")
    mate, reno, pixel = (target["graphs"][0] for target in found["targets"])
    assert [at for at, who in enumerate(mate["who"]) if who == "c"] == [28, 34, 40, 46]
    assert set(reno["who"]) == {"a"}
    assert pixel["who"].count("u") == 8
    assert len(mate["pieces"]) == 9
    assert max(found["graphs"][0]["alive"]) == 58982400
    why = [each for each in found["reasons"] if each[0] == "unsupported"]
    assert all(message for _, said in why for _, message, _ in said)


def test_accepted_findings_stand_apart_with_their_reason() -> None:
    tree = page("accepted")
    apart = words(tree.xpath("//details[@class='silenced']")[0])
    assert "Accepted findings 2" in apart
    assert "until 2031-05-01: the 2021 phones are not served" in apart
    assert "Accepted by the baseline" in apart
    others = tree.xpath("//div[@class='findings']")[0]
    assert "the 2021 phones" not in words(others)
    assert "all of it" in words(others)


def test_several_models_have_an_overview_and_say_what_could_not_be_read() -> None:
    tree = page("several")
    rows = tree.xpath("//section[@class='overview']//tbody/tr")
    assert [words(row.xpath("./th")[0]) for row in rows] == [
        "unet_small.tflite",
        "smallnet.onnx",
        "made.py",
    ]
    assert "could not be read: is a text file" in words(rows[2])
    assert not page("phones").xpath("//section[@class='overview']")


def test_headings_descend_one_level_at_a_time() -> None:
    for name in REPORTS:
        levels = [int(each.tag[1]) for each in page(name).iter("h1", "h2", "h3", "h4", "h5")]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_a_large_model_is_a_small_page() -> None:
    size = len(text_of("large").encode())
    assert size < 3 * MEBIBYTE
    assert len(page("large").xpath("//*")) < 3000, "nodes are runs and rows on demand"
    assert len(data("large")["sketches"]) < 100, "alike places share a drawing"


def run(*words_: object) -> int:
    return main(["check", str(EXPORTS / "smallnet.onnx"), "-t", "nnapi-1.2", *map(str, words_)])


def test_the_command_writes_it_by_the_ending(tmp_path: Path) -> None:
    assert run("-o", tmp_path / "report.html") == 0
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_it_goes_into_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--format", "html") == 0
    assert capsys.readouterr().out.endswith("</html>\n")


def test_a_terminal_gets_one_line_instead(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run("--format", "html") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "npulint: --format html is for a browser: name a file, -o report.html, or a pipe\n"
    )


def test_without_jinja_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for name in [name for name in sys.modules if name.startswith("npulint.reports.html")]:
        monkeypatch.delitem(sys.modules, name)
    assert run("-o", tmp_path / "report.html") == 2
    said = capsys.readouterr().err
    assert said == "npulint: --format html needs jinja2: pip install 'npulint[report]'\n"
    assert list(tmp_path.iterdir()) == []
