"""Sources taken apart: the words stay, and what names a public place leads there."""

from __future__ import annotations

import pytest

from npulint import opsets
from npulint.reports.citation import Part, parts

AT = "https://github.com/google-ai-edge/LiteRT/blob/f6745779"
CASES: dict[str, list[Part]] = {
    "google-ai-edge/LiteRT tflite/util.h 93-95 @f6745779": [
        Part("google-ai-edge/LiteRT tflite/util.h 93-95", f"{AT}/tflite/util.h#L93-L95"),
        Part(" @f6745779"),
    ],
    "google-ai-edge/LiteRT tflite/util.h 93, 99-101 @f6745779": [
        Part("google-ai-edge/LiteRT tflite/util.h 93", f"{AT}/tflite/util.h#L93"),
        Part(", "),
        Part("99-101", f"{AT}/tflite/util.h#L99-L101"),
        Part(" @f6745779"),
    ],
    "google-ai-edge/LiteRT tflite/util.h @f6745779": [
        Part("google-ai-edge/LiteRT tflite/util.h", f"{AT}/tflite/util.h"),
        Part(" @f6745779"),
    ],
    "google-ai-edge/LiteRT tflite/ @f6745779": [
        Part("google-ai-edge/LiteRT tflite/", f"{AT.replace('blob', 'tree')}/tflite/"),
        Part(" @f6745779"),
    ],
    "Chiang et al., arXiv:2004.12599 Table 2": [
        Part("Chiang et al., "),
        Part("arXiv:2004.12599", "https://arxiv.org/abs/2004.12599"),
        Part(" Table 2"),
    ],
    "https://developer.android.com/ndk": [
        Part("https://developer.android.com/ndk", "https://developer.android.com/ndk")
    ],
    "javascript:alert(1)": [Part("javascript:alert(1)")],
    "table of hiai, 2026-01-01": [Part("table of hiai, 2026-01-01")],
    "": [],
}


@pytest.mark.parametrize("cited", CASES)
def test_parts(cited: str) -> None:
    assert list(parts(cited)) == CASES[cited]


@pytest.mark.parametrize("name", opsets.survey().names)
def test_every_source_of_a_table_reads_as_it_did(name: str) -> None:
    target = opsets.load_target(name)
    cited = [rule.source for entry in target.entries.values() for rule in entry.require]
    for source in cited:
        found = parts(source)
        assert "".join(part.text for part in found) == source
        assert all(p.address is None or p.address.startswith("https://") for p in found)
