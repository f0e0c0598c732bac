"""The baseline from end to end: written, held to, renewed without growing, and never mistaken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from npulint.config.baseline import load
from tests.cli.support import EXPORTS, Run, Runner

ASKED = ("-t", "nnapi-1.1", "-t", "nnapi-1.2", "--select", "NPU101,NPU204")
"""Rules that find 4 and 2 things in one of the models."""
UNET, SMALL = Path("models/unet_small.tflite"), Path("models/smallnet.tflite")
KEPT = Path("ci/baseline.json")


@pytest.fixture
def check(tmp_path: Path, npulint: Runner, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Checks models in a folder with two of them, of which one has findings."""
    for folder in (".git", "models", "ci"):
        (tmp_path / folder).mkdir()
    for name in (UNET.name, SMALL.name):
        shutil.copy(EXPORTS / name, tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: npulint("check", *arguments)


def stored() -> Any:
    return json.loads(KEPT.read_text(encoding="utf-8"))


def accepted() -> int:
    return load(KEPT).count


def edit(change: Callable[[Any], None]) -> None:
    document = stored()
    change(document)
    KEPT.write_text(json.dumps(document), encoding="utf-8")


def test_what_is_written_is_accepted(check: Callable[..., Run]) -> None:
    assert check("models", *ASKED).code == 1
    first = check("models", *ASKED, "--write-baseline", KEPT)
    assert first.code == 0
    assert "6 findings of 1 model accepted from now on" in first.out
    run = check("models", *ASKED, "--baseline", KEPT, "--fail-on", "info")
    assert (run.code, run.err) == (0, "")
    assert "6 accepted by suppressions or the baseline" in run.out
    (model,) = check(UNET, *ASKED, "--baseline", KEPT, "--format", "json").json["models"]
    assert model["findings"] == []
    assert {each["by"] for each in model["silenced"]} == {"baseline"}


def test_the_file_is_stable_and_names_models_from_its_own_folder(
    check: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    check("models", *ASKED, "--write-baseline", KEPT)
    text = KEPT.read_text(encoding="utf-8")
    assert list(stored()["models"]) == ["../models/unet_small.tflite"]
    turned = ("-t", "nnapi-1.2", "-t", "nnapi-1.1", *ASKED[4:])
    check(UNET, SMALL, *turned, "--write-baseline", "ci/again.json")
    assert Path("ci/again.json").read_text(encoding="utf-8") == text
    monkeypatch.chdir("models")
    assert check(UNET.name, *ASKED, "--baseline", "../ci/baseline.json").code == 0


def test_one_more_of_the_same_is_not_accepted(check: Callable[..., Run]) -> None:
    check("models", *ASKED, "--write-baseline", KEPT)

    def less(document: Any) -> None:
        del document["models"]["../models/unet_small.tflite"]["findings"][0]

    edit(less)
    run = check("models", *ASKED, "--baseline", KEPT)
    assert run.code == 1
    assert "1 error (NPU101)" in run.out


def test_a_model_is_known_again_under_another_name_and_elsewhere(
    check: Callable[..., Run],
) -> None:
    check("models", *ASKED, "--write-baseline", KEPT)
    renamed = UNET.rename("models/renamed.tflite")
    assert check("models", *ASKED, "--baseline", KEPT, "--fail-on", "info").code == 0
    moved = renamed.rename(UNET.name)
    assert check(".", *ASKED, "--baseline", KEPT, "--fail-on", "info").code == 0
    check(".", *ASKED, "--baseline", KEPT, "--write-baseline", KEPT)
    assert list(stored()["models"]) == [f"../{moved}"]


def test_another_export_under_the_old_name_elsewhere_is_known_by_the_name(
    check: Callable[..., Run],
) -> None:
    check("models", *ASKED, "--write-baseline", KEPT)
    edit(lambda document: document["models"]["../models/unet_small.tflite"].update(digest="0"))
    UNET.rename(UNET.name)
    assert check(UNET.name, *ASKED, "--baseline", KEPT).code == 0


def test_a_copy_beside_the_old_one_is_a_model_of_its_own(check: Callable[..., Run]) -> None:
    check("models", *ASKED, "--write-baseline", KEPT)
    shutil.copy(UNET, "models/copy.tflite")
    assert check("models", *ASKED, "--baseline", KEPT).code == 1


def lessened(check: Callable[..., Run]) -> None:
    """A baseline that accepts what is no longer found: the model was made anew."""
    check("models", *ASKED, "--write-baseline", KEPT)
    shutil.copy(SMALL, UNET)


def test_what_is_gone_is_told_and_an_error_with_a_ratchet(check: Callable[..., Run]) -> None:
    lessened(check)
    run = check("models", *ASKED, "--baseline", KEPT)
    assert run.code == 0
    said = "6 accepted findings of ../models/unet_small.tflite (NPU101, NPU204) are gone"
    assert f"info NPU904 baseline.json: {said}" in " ".join(run.out.split())
    config = Path("npulint.toml")
    config.write_text("baseline = 'ci/baseline.json'\nratchet = true\n")
    run = check("models", *ASKED)
    assert run.code == 1
    assert "1 error (NPU904)" in run.out
    config.write_text(config.read_text() + "severity = {NPU904 = 'info'}\n")
    assert check("models", *ASKED).code == 1, "a ratchet is a ratchet"
    config.write_text(config.read_text() + "ignore = ['NPU904']\n")
    assert check("models", *ASKED).code == 0


def test_renewing_drops_what_is_gone_and_adds_nothing(check: Callable[..., Run]) -> None:
    check("models", *ASKED, "--write-baseline", KEPT)

    def other(document: Any) -> None:
        """One finding becomes another, so that one is new and one is gone."""
        rows = document["models"]["../models/unet_small.tflite"]["findings"]
        rows[0]["fingerprint"] = "0" * 16

    edit(other)
    run = check("models", *ASKED, "--baseline", KEPT, "--write-baseline", KEPT)
    assert run.code == 1, "what is new is still found"
    assert "1 accepted finding dropped, nothing was added" in run.out
    assert "NPU904" not in run.out
    assert accepted() == 5
    assert check("models", *ASKED, "--baseline", KEPT, "--write-baseline", KEPT).code == 1
    assert accepted() == 5


def test_renewing_keeps_what_was_not_looked_at(check: Callable[..., Run]) -> None:
    lessened(check)
    check(SMALL, *ASKED, "--baseline", KEPT, "--write-baseline", KEPT)
    assert accepted() == 6, "a model that was not looked at"
    check("models", "-t", "hiai", "--baseline", KEPT, "--write-baseline", KEPT)
    assert accepted() == 6, "targets that were not asked"
    check("models", *ASKED[:4], "--select", "NPU2", "--baseline", KEPT, "--write-baseline", KEPT)
    assert accepted() == 4, "rules that did not run"
    UNET.unlink()
    check("models", *ASKED, "--baseline", KEPT, "--write-baseline", KEPT)
    assert accepted() == 0, "a model that is gone"


def test_the_first_baseline_accepts_all_even_where_it_is_configured(
    check: Callable[..., Run],
) -> None:
    Path("npulint.toml").write_text("baseline = 'ci/baseline.json'\ntargets = ['nnapi-1.1']\n"
                                    "select = ['NPU101', 'NPU204']\n")  # fmt: skip
    assert "cannot be read" in check("models").err
    assert check("models", "--write-baseline", KEPT).code == 0
    assert accepted() == 6
    assert check("models").code == 0


def test_suppressions_come_first_and_demands_are_never_accepted(
    check: Callable[..., Run],
) -> None:
    Path("npulint.toml").write_text("""
        [[suppressions]]
        rule = "NPU101"
        operator = "TRANSPOSE_CONV"
        reason = "cured at deployment"
        until = 2020-01-01
        [[suppressions]]
        rule = "NPU204"
        operator = "CONCATENATION"
        reason = "small"
    """)
    demand = ("--min-coverage", "nnapi-1.1=90")
    run = check("models", *ASKED, *demand, "--write-baseline", KEPT)
    assert run.code == 1
    assert "1 error (NPU901), 1 warning (NPU902)" in run.out
    (model,) = stored()["models"].values()
    assert {row["code"] for row in model["findings"]} == {"NPU101"}
    assert accepted() == 4
    assert check("models", *ASKED, *demand, "--baseline", KEPT).code == 1


def test_a_baseline_of_another_adds_up(check: Callable[..., Run]) -> None:
    check("models", "-t", "nnapi-1.1", "--write-baseline", KEPT)
    run = check("models", "-t", "nnapi-1.0", "--baseline", KEPT, "--write-baseline", "new.json")
    assert run.code == 0
    assert load(Path("new.json")).count > 0


def test_nothing_is_written_where_a_model_cannot_be_read(check: Callable[..., Run]) -> None:
    SMALL.write_bytes(b"no model")
    run = check("models", *ASKED, "--write-baseline", KEPT, "--format", "json")
    assert run.code == 2
    assert "was not written" in run.json["notes"][-1]
    assert not KEPT.exists()


ROW = {"fingerprint": "0" * 16, "code": "NPU101", "target": None, "op": None, "count": 1}


def entry(**changes: Any) -> dict[str, Any]:
    rows = [{**ROW, **changes}]
    return {"npulint_baseline": 1, "models": {"m": {"digest": "0", "findings": rows}}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("\x80", "it is not JSON"),
        ("[]", "there is no 'npulint_baseline'"),
        (
            '{"npulint_baseline": 1, "models": {"m": {}, "m": {}}}',
            "'m' stands in it twice: which holds is not known",
        ),
        ('{"schema_version": 1, "models": []}', "there is no 'npulint_baseline'"),
        ('{"npulint_baseline": 2, "models": {}}', "form 2; this npulint reads form 1"),
        ('{"npulint_baseline": "1", "models": {}}', "expected a whole number"),
        ('{"npulint_baseline": 1}', "missing key 'models'"),
        ('{"npulint_baseline": 1, "models": {}, "more": 0}', "unknown key 'more'"),
        (json.dumps(entry(count=0)), "at models/m/findings/0/count: expected 1 or more"),
        (json.dumps(entry(fingerprint="abc")), "expected 16 hexadecimal digits"),
        (json.dumps(entry(target=3)), "at models/m/findings/0/target: expected a text"),
        (json.dumps(entry(line=3)), "unknown key 'line'"),
        ('{"npulint_baseline": 1, "models": {"m": {"digest": "0", "findings": ['
         f'{json.dumps(ROW)}, {json.dumps(ROW)}]}}}}}}', "stands there twice"),
    ],
)  # fmt: skip
def test_what_is_no_baseline_is_refused_and_never_replaced(
    check: Callable[..., Run], content: str, said: str
) -> None:
    KEPT.write_bytes(content.encode("latin-1"))
    for arguments in (("--baseline", KEPT), ("--write-baseline", KEPT)):
        run = check(SMALL, *ASKED, *arguments)
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
        assert said in run.err
        assert run.err.startswith(f"npulint: {KEPT}: ")
    assert KEPT.read_bytes() == content.encode("latin-1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--write-baseline", "-"), "a baseline is a file"),
        (("--write-baseline", KEPT, "-o", "ci/../ci/baseline.json"), "one would overwrite it"),
    ],
)
def test_a_baseline_has_a_file_to_itself(
    arguments: tuple[str | Path, ...], said: str, check: Callable[..., Run]
) -> None:
    run = check("models", *ASKED, *arguments)
    assert run.code == 2
    assert said in run.err
    assert not KEPT.exists()
    assert not Path("-").exists()


def test_a_model_is_never_replaced_by_a_baseline(check: Callable[..., Run]) -> None:
    before = UNET.read_bytes()
    run = check(UNET, *ASKED, "--write-baseline", UNET)
    assert run.code == 2
    assert UNET.read_bytes() == before
