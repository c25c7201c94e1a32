"""Pytest mode: the project's tests in the candidate's own process, under the platform's configuration.

No conftest, ini file, plugin or cache of the tree is read. What runs in this process can still forge a
report; the evidence says so.
"""

from __future__ import annotations

import os
from typing import Any, NoReturn

from qlayer.sandbox.zygote import module
from qlayer.sandbox.zygote.drivers.call import finish
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.protocol import WORK
from qlayer.sandbox.zygote.report import Report

_ARGUMENTS = (
    "--noconftest",
    "--config-file=/dev/null",
    f"--rootdir={WORK}",
    "--import-mode=importlib",
    # Files that can be collected are judged whatever the others are like.
    "--continue-on-collection-errors",
    "--color=no",
    "--override-ini=addopts=",
    "-p",
    "no:cacheprovider",
)
_TEXT = 8_000


def run(job: Job, report: Report) -> NoReturn:
    """Run the given files and report every phase of every test."""
    import pytest  # warm in the zygote that runs this mode; absent from the other

    module.use_tree()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    report.send("compiled")
    status = pytest.main([*_ARGUMENTS, *job.body["paths"]], plugins=[_Reporter(report)])
    report.send("done", status=int(status))
    finish(0)


class _Reporter:
    """A pytest plugin that sends each phase as it ends."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def pytest_runtest_logreport(self, report: Any) -> None:
        part = type(report).__name__ == "SubtestReport"
        self._report.send(
            # Parts of a test come under its own name, any number of them.
            "subtest" if part else "test",
            id=report.nodeid,
            when=report.when,
            passed=report.outcome == "passed" and not hasattr(report, "wasxfail"),
            outcome=_outcome(report),
            seconds=report.duration,
            error=_error(report) if report.outcome == "failed" else None,
        )

    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome == "failed":
            self._report.send("collect", id=report.nodeid, error=_error(report))


def _outcome(report: Any) -> str:
    """passed, failed, skipped, xfailed or xpassed."""
    if not hasattr(report, "wasxfail"):
        return str(report.outcome)
    return "xpassed" if report.outcome == "passed" else "xfailed"


def _error(report: Any) -> dict[str, Any]:
    text = report.longreprtext
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message if crash is not None else text.strip().rpartition("\n")[2]
    message = message.removeprefix("E ").strip()
    kind, colon, rest = message.partition(":")
    path = crash.path if crash is not None else report.nodeid.partition("::")[0]
    return {
        "type": kind if colon and kind.replace(".", "").isidentifier() else "AssertionError",
        "message": (rest if colon else message).strip()[:2_000],
        "path": path[len(WORK) + 1 :] if path.startswith(WORK + "/") else path,
        "line": crash.lineno if crash is not None else None,
        "traceback": text[-_TEXT:].replace(WORK + "/", ""),
    }
