"""Which tool finds which defect: a project with one of each planted, and the same project without any."""

from __future__ import annotations

import pytest
from scanners import tree_of

from qlayer.packaging.components import components
from qlayer.scan.base import NOT_SCANNED
from qlayer.scan.run import scan
from qlayer.scan.tools import scanners
from qlayer.types.scan import ScanReport

KEY = "AKIA" + "IOSFODNN7" + "QLAYER0"
"""In the form of a provider's key; built here so that no scan of this repository finds it."""
PLANTED = {
    ("bandit", "B602"): (
        "shell.py",
        "import subprocess\n\n\ndef go(a):\n    subprocess.run(a, shell=True)\n",
    ),
    ("bandit", "B301"): ("load.py", "import pickle\n\n\ndef go(a):\n    return pickle.loads(a)\n"),
    ("bandit", "B307"): ("calc.py", "def go(a):\n    return eval(a)\n"),
    ("bandit", "B324"): ("hashed.py", "import hashlib\n\n\ndef go(a):\n    return hashlib.md5(a)\n"),
    ("bandit", "B501"): ("web.py", "import requests\n\nrequests.get('https://x', verify=False, timeout=1)\n"),
    ("detect-secrets", "AWS Access Key"): ("key.py", f"KEY = '{KEY}'\n"),
    ("ruff", "F821"): ("name.py", "def go():\n    return missing\n"),
    ("ruff", "B006"): ("default.py", "def go(a=[]):\n    return a\n"),
    ("advisories", "GHSA-8q59-q68h-6hv4"): ("requirements.txt", "pyyaml==5.3.1\n"),
    ("shellcheck", "SC2086"): ("run.sh", "#!/bin/sh\nrm -r $1\n"),
    ("hadolint", "DL3007"): ("Dockerfile", "FROM python:latest\n"),
}


@pytest.mark.slow
async def test_each_planted_defect_is_found_by_its_tool_where_it_lies() -> None:
    report = await scan(tree_of(dict(PLANTED.values())), scanners("fast", components))
    absent = {one.tool for one in report.tools if one.version is None}
    found = {(one.tool, one.rule, one.path) for one in report.findings}
    missed = [at for at, (path, _) in PLANTED.items() if (*at, path) not in found and at[0] not in absent]
    assert not missed
    assert absent <= {one.tool for one in report.findings if one.rule == NOT_SCANNED} | _without_files(report)


def _without_files(report: ScanReport) -> set[str]:
    return {one.tool for one in report.tools if one.files == 0}


@pytest.mark.slow
async def test_a_clean_project_has_no_grave_finding() -> None:
    clean = {
        "core.py": "def add(a: int, b: int) -> int:\n    return a + b\n",
        "requirements.txt": "pyyaml==6.0.3\n",
        "run.sh": '#!/bin/sh\nrm -r "$1"\n',
    }
    report = await scan(tree_of(clean), scanners("fast", components))
    assert [one for one in report.findings if one.severity in ("high", "critical")] == []
