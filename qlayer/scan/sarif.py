"""A scan as SARIF 2.1.0, which code hosts and editors read (OASIS, sarif-v2.1.0)."""

from __future__ import annotations

from typing import Any

from qlayer.types.finding import Finding, Severity
from qlayer.types.scan import ScanReport, Suppressed, ToolReport

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}


def sarif(report: ScanReport) -> dict[str, Any]:
    """One run a tool; what is suppressed is listed as such, with its reason. Pure."""
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(tool, report) for tool in report.tools]}


def _run(tool: ToolReport, report: ScanReport) -> dict[str, Any]:
    standing = [one for one in report.findings if one.tool == tool.tool]
    put_aside = [one for one in report.suppressed if one.finding.tool == tool.tool]
    rules = sorted({one.rule for one in (*standing, *(aside.finding for aside in put_aside))})
    driver: dict[str, Any] = {"name": tool.tool, "rules": [{"id": rule} for rule in rules]}
    if tool.version is not None:
        driver["version"] = tool.version
    return {
        "tool": {"driver": driver},
        "results": [*(_result(one) for one in standing), *(_suppressed(one) for one in put_aside)],
        "invocations": [{"executionSuccessful": tool.problem is None}],
    }


def _result(finding: Finding) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": finding.path}}
    if finding.line is not None:
        place["region"] = {"startLine": finding.line}
    text = f"{finding.message} ({finding.hint})" if finding.hint else finding.message
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        "properties": {"severity": finding.severity.value},
    }


def _suppressed(one: Suppressed) -> dict[str, Any]:
    reason = f"{one.by.reason} (until {one.by.until})"
    return {**_result(one.finding), "suppressions": [{"kind": "external", "justification": reason}]}
