"""The forms in which a report is drawn, and which of them goes where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from npulint.finding import FailOn, Report
    from npulint.reports.wrapping import Layout

ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "text": (".txt",),
        "json": (".json",),
        "sarif": (".sarif", ".sarif.json"),
        "junit": (".xml",),
        "markdown": (".md",),
        "github": (),
        "html": (".html", ".htm"),
    }
)
"""Every form by its name, with the endings that its files usually have."""

_EXTRA = {"sarif": "sarif_om", "junit": "junitparser", "html": "jinja2"}
"""What a form needs beyond npulint's own dependencies; all of it comes with the extra `report`."""


def draw(report: Report, form: str, layout: Layout, fail_on: FailOn) -> str:
    """Draw a report in one form, ending in a newline unless it is empty.

    Args:
        report: The report.
        form: One of `ENDINGS`.
        layout: How to draw text for people.
        fail_on: The mildest severity that fails a run, for the forms that say what fails.

    Raises:
        MissingExtraError: What the form needs is not installed.
    """
    if form == "text":
        from npulint.reports.text import render

        return render(report, layout)
    if form == "json":
        from npulint.reports.json import render as render_json

        return render_json(report)
    try:
        module = import_module(f"npulint.reports.{_MODULES[form]}")
    except ModuleNotFoundError as error:
        if error.name != _EXTRA.get(form):
            raise
        raise MissingExtraError(
            f"--format {form} needs {error.name}: pip install 'npulint[report]'"
        ) from error
    render_other: Callable[[Report, FailOn], str] = module.render
    return render_other(report, fail_on)


_MODULES = {
    "sarif": "sarif",
    "junit": "junit",
    "markdown": "pull_request",
    "github": "annotations",
    "html": "html",
}


def pair(forms: Sequence[str], outputs: Sequence[Path]) -> tuple[tuple[str, Path | None], ...]:
    """Say which form goes to which file, and which to standard output (None, or `-` as a file).

    As many forms as files go together in their order. A file without a form of its own takes
    the form of its ending, or text; of more forms than files each file takes the form of its
    ending, and the one form that is left goes to standard output.

    Raises:
        UsageError: That leaves more than one way, or none.
    """
    for path in outputs:
        if list(outputs).count(path) > 1:
            raise UsageError(f"-o {path} is given twice: two reports would overwrite each other")
    paired = _paired(forms, outputs)
    return tuple((form, None if path == _STANDARD_OUTPUT else path) for form, path in paired)


_STANDARD_OUTPUT = Path("-")


def _paired(forms: Sequence[str], outputs: Sequence[Path]) -> tuple[tuple[str, Path | None], ...]:
    if len(forms) == len(outputs):
        return tuple(zip(forms, outputs, strict=True))
    if not forms:
        return tuple((_of_ending(path) or "text", path) for path in outputs)
    left = list(forms)
    pairs: list[tuple[str, Path | None]] = []
    for path in outputs:
        form = _of_ending(path)
        if form not in left:
            if len(forms) > len(outputs):
                raise UsageError(
                    f"which --format goes to {path}? Name as many -o as --format, "
                    f"or end the file's name as its form does ({_usual(left)})"
                )
            form = form or "text"
        else:
            left.remove(form)
        pairs.append((form, path))
    if len(left) > 1 or (left and len(forms) < len(outputs)):
        raise UsageError(f"--format {' and '.join(left)}: where to? Name an -o FILE for each")
    return (*pairs, *((form, None) for form in left))


def _of_ending(path: Path) -> str | None:
    name = path.name.lower()
    found = (form for form, endings in ENDINGS.items() if name.endswith(endings) and endings)
    # `.sarif.json` is SARIF, though it ends as JSON does.
    return next(iter(sorted(found, key=lambda form: form != "sarif")), None)


def _usual(forms: Sequence[str]) -> str:
    endings = [ENDINGS[form][0] for form in forms if ENDINGS[form]]
    return ", ".join(endings) or "none has an ending of its own"
