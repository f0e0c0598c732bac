"""The report as SARIF 2.1.0, the form in which code scanning services take findings.

Node positions are logical locations, since a model is no text. Evidence, the target and the
positions of all nodes are in each result's properties.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs
import sarif_om as sarif

import npulint
from npulint.reports.rule_pages import page
from npulint.rules import find_rule

if TYPE_CHECKING:
    from npulint.finding import FailOn, Finding, ModelResult, Report, Severity, Silenced

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_ROOT = "%SRCROOT%"
"""What relative addresses are relative to: the folder that the tool was started in."""


def render(report: Report, _: FailOn) -> str:
    """Draw a report as a SARIF log, ending in a newline."""
    log = sarif.SarifLog(schema_uri=_SCHEMA, version="2.1.0", runs=[_run(report)])
    return json.dumps(_plain(log), allow_nan=False) + "\n"


def _run(report: Report) -> sarif.Run:
    found = (each for result in report.models for each in _all(result))
    codes = sorted({each.code for each in (*found, *report.findings)})
    read = [result for result in report.models if result.error is None]
    return sarif.Run(
        tool=sarif.Tool(
            driver=sarif.ToolComponent(
                name="npulint",
                version=npulint.__version__,
                semantic_version=npulint.__version__,
                rules=[_descriptor(code) for code in codes],
            )
        ),
        invocations=[
            sarif.Invocation(
                execution_successful=not report.failed,
                tool_execution_notifications=[
                    _unreadable(result) for result in report.models if result.error is not None
                ],
            )
        ],
        artifacts=[
            sarif.Artifact(
                location=_address(result.path),
                length=-1 if result.model is None else result.model.size,
                roles=["analysisTarget"],
            )
            for result in read
        ],
        results=[
            *(each for number, of in enumerate(read) for each in _results(of, number, codes)),
            *(_about_the_run(finding, codes) for finding in report.findings),
        ],
        column_kind="unicodeCodePoints",
    )


def _all(result: ModelResult) -> Iterator[Finding]:
    yield from result.findings
    yield from (each.finding for each in result.silenced)


def _descriptor(code: str) -> sarif.ReportingDescriptor:
    rule = find_rule(code)
    if rule is None:
        raise LookupError(code)
    return sarif.ReportingDescriptor(
        id=rule.code,
        name="".join(word.capitalize() for word in rule.name.split("-")),
        short_description=_said(rule.summary),
        full_description=_said(rule.summary),
        help=sarif.MultiformatMessageString(text=rule.page, markdown=page(rule)),
        default_configuration=sarif.ReportingConfiguration(level=_LEVELS[rule.severity]),
        properties=sarif.PropertyBag(tags=[rule.family]),
    )


def _said(text: str) -> sarif.MultiformatMessageString:
    return sarif.MultiformatMessageString(text=text)


def _unreadable(result: ModelResult) -> sarif.Notification:
    return sarif.Notification(
        level="error",
        message=sarif.Message(text=f"{result.path}: {result.error}"),
        locations=[
            sarif.Location(
                physical_location=sarif.PhysicalLocation(artifact_location=_address(result.path))
            )
        ],
    )


def _results(result: ModelResult, number: int, codes: Sequence[str]) -> Iterator[sarif.Result]:
    for finding in result.findings:
        yield _result(result, number, codes, finding)
    for silenced in result.silenced:
        yield _result(result, number, codes, silenced.finding, silenced)


def _result(
    result: ModelResult,
    number: int,
    codes: Sequence[str],
    finding: Finding,
    silenced: Silenced | None = None,
) -> sarif.Result:
    about = f"{finding.target}: " if finding.target else ""
    return sarif.Result(
        rule_id=finding.code,
        rule_index=codes.index(finding.code),
        # What cannot be told is open, which goes with no level.
        kind="open" if finding.unknown else "fail",
        level="none" if finding.unknown else _LEVELS[finding.severity],
        message=sarif.Message(text=about + finding.message),
        locations=[_location(result, number, finding)],
        partial_fingerprints={"npulint/v1": finding.fingerprint},
        fixes=[_fix(result, number, name) for name in finding.fixes] or None,
        suppressions=[] if silenced is None else [_suppression(silenced)],
        properties=_properties(finding),
    )


def _about_the_run(finding: Finding, codes: Sequence[str]) -> sarif.Result:
    """A finding about a line of the configuration, or about the baseline."""
    place = None
    if finding.file is not None:
        place = sarif.PhysicalLocation(
            artifact_location=_address(finding.file),
            region=sarif.Region(start_line=finding.line or 1),
        )
    return sarif.Result(
        rule_id=finding.code,
        rule_index=codes.index(finding.code),
        kind="fail",
        level=_LEVELS[finding.severity],
        message=sarif.Message(text=finding.message),
        locations=None if place is None else [sarif.Location(physical_location=place)],
        partial_fingerprints={"npulint/v1": finding.fingerprint},
        suppressions=[],
        properties=_properties(finding),
    )


def _location(result: ModelResult, number: int, finding: Finding) -> sarif.Location:
    """Where a finding is: the file, and in it the nodes by their positions."""
    graphs = () if result.model is None else result.model.graphs
    nodes = () if finding.graph is None else finding.nodes
    return sarif.Location(
        physical_location=sarif.PhysicalLocation(
            artifact_location=_address(result.path, number),
            # A model has no lines, but services show no result without one.
            region=sarif.Region(start_line=1),
        ),
        logical_locations=[
            sarif.LogicalLocation(
                name=graphs[finding.graph or 0].nodes[index].name or None,
                fully_qualified_name=f"graph {finding.graph}/node {index}",
                kind="element",
            )
            for index in nodes
        ]
        or None,
    )


def _address(path: Path, number: int = -1) -> sarif.ArtifactLocation:
    """A file's address, relative to the working folder where it lies in it."""
    try:
        relative = PurePath(os.path.relpath(path))
    except ValueError:  # on another drive
        relative = PurePath(path)
    if relative.is_absolute() or relative.parts[:1] == ("..",):
        return sarif.ArtifactLocation(uri=f"file://{_quoted(path.absolute())}", index=number)
    return sarif.ArtifactLocation(uri=_quoted(relative), uri_base_id=_ROOT, index=number)


def _quoted(path: PurePath) -> str:
    """A path as part of an address; names need not be text in any encoding."""
    written = path.as_posix()
    rooted = written if written.startswith("/") or not path.is_absolute() else f"/{written}"
    try:
        return quote(os.fsencode(rooted))
    except UnicodeEncodeError:  # a name of another system than this one
        return quote(rooted.encode(errors="surrogatepass"))


def _fix(result: ModelResult, number: int, name: str) -> sarif.Fix:
    """A cure in words. A fix needs a change of a file, and this one changes no byte."""
    said = f"npulint fix {result.path} can rewrite this by {name} (npulint explain {name})"
    nothing = sarif.Replacement(deleted_region=sarif.Region(byte_offset=0, byte_length=0))
    change = sarif.ArtifactChange(
        artifact_location=_address(result.path, number), replacements=[nothing]
    )
    return sarif.Fix(description=sarif.Message(text=said), artifact_changes=[change])


def _suppression(silenced: Silenced) -> sarif.Suppression:
    until = f" (until {silenced.until})" if silenced.until else ""
    reason = silenced.reason or "accepted by the baseline"
    return sarif.Suppression(kind="external", justification=f"{reason}{until}")


def _properties(finding: Finding) -> dict[str, Any]:
    return {
        "target": finding.target,
        "graph": finding.graph,
        "nodes": list(finding.nodes),
        "evidence": [{"message": each.message, "source": each.source} for each in finding.evidence],
    }


def _plain(value: Any) -> Any:
    """Objects of the model as dictionaries by the names of the schema, without defaults."""
    if attrs.has(type(value)):
        return {
            field.metadata["schema_property_name"]: _plain(getattr(value, field.name))
            for field in attrs.fields(type(value))
            if field.metadata["schema_property_name"] in _ALWAYS
            or getattr(value, field.name) != field.default
        }
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


_ALWAYS = frozenset({"level", "kind", "version", "runs", "suppressions", "executionSuccessful"})
"""Written although they have the default that the schema states: readers differ on defaults."""
