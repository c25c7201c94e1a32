"""Our semgrep rules: each finds what it names, and leaves alone the way it recommends."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from scanners import tree_of

from qlayer.scan.base import program
from qlayer.scan.deep import RULES, SEMGREP
from qlayer.scan.run import scan
from qlayer.types.scan import ScanReport

BAD = {
    "sql-from-parts": ("a.py", "def f(db, v):\n    db.execute('select %s' % v)\n"),
    "token-not-verified": ("b.py", "jwt.decode(t, options={'verify_signature': False})\n"),
    "archive-extracted-anywhere": ("c.py", "import tarfile\n\ntarfile.open('x').extractall('y')\n"),
    "comparison-tells-by-its-time": ("d.py", "def f(mac, given):\n    return mac.hexdigest() == given\n"),
    "shell-from-parts": ("e.ts", "exec(`ls ${name}`);\n"),
    "text-becomes-code": ("f.js", "eval(text);\n"),
    "text-becomes-markup": ("g.ts", "element.innerHTML = text;\n"),
}
GOOD = {
    "good.py": "import tarfile\n\ntarfile.open('x').extractall('y', filter='data')\n"
    "db.execute('select ?', (v,))\n"
    "jwt.decode(t, key, algorithms=['HS256'])\nhmac.compare_digest(mac.hexdigest(), given)\n",
    "good.ts": 'execFile("ls", [name]);\nelement.textContent = text;\nelement.innerHTML = "<br>";\n',
}


def test_every_rule_is_tried_and_says_what_to_do() -> None:
    rules = yaml.safe_load(RULES.read_text())["rules"]
    assert {rule["id"] for rule in rules} == set(BAD)
    assert all(rule["metadata"]["hint"] and rule["metadata"]["cwe"] for rule in rules)


@pytest.fixture(scope="module")
def report() -> ScanReport:
    """Of all samples at once: a start of semgrep takes seconds."""
    named = os.environ.get("QLAYER_SEMGREP")
    tool = Path(named) if named else program("semgrep")
    if tool is None:
        pytest.skip("semgrep is not installed; QLAYER_SEMGREP names its executable")
    return asyncio.run(scan(tree_of({**dict(BAD.values()), **GOOD}), (replace(SEMGREP, executable=tool),)))


def test_the_rules_find_what_they_name_and_nothing_else(report: ScanReport) -> None:
    found = {(one.rule, one.path) for one in report.findings}
    assert found == {(rule, path) for rule, (path, _) in BAD.items()}
