"""A project full of defects, and who must find each: for tests and for `qlayer bench scan`.

The secrets are put together when they are asked for; written out they would be findings in this repository.
The project asks every tool to look away, by its configuration and by comments.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from qlayer.scan.base import NOT_SCANNED
from qlayer.types.finding import Finding
from qlayer.types.source import SourceTree


class Defect(NamedTuple):
    """What one tool must say about one file."""

    tool: str
    rule: str
    path: str

    def found_in(self, findings: tuple[Finding, ...]) -> bool:
        return any((one.tool, one.rule, one.path) == self for one in findings)


def secrets() -> tuple[str, ...]:
    """Of the forms that providers give them; none opens anything."""
    return (
        "ghp_" + "9aF3kQ7xLm2PzR8sTvW4yBcD6eGhJ1nU5oXi",
        "AKIA" + "Q4ZVN7T2LXRC3HJW",
        f"-----BEGIN RSA {'PRIVATE'} KEY-----\nMIIEpAIBAAKCAQEA7\n",
    )


def planted() -> SourceTree:
    """The project."""
    token, aws, private = secrets()
    lock = {"version": "4.17.20", "license": "GPL-3.0-only"}
    files = {
        "app/token.py": f'TOKEN = "{token}"  # gitleaks:allow  pragma: allowlist secret\n',
        "app/aws.py": f'KEY = "{aws}"\n',
        "app/key.pem": private,
        "poetry.lock": f'url = "https://x:{token}@packages.example/"\n',
        "app/shell.py": "import subprocess\n\nsubprocess.call(input(), shell=True)  # nosec\n",
        "app/broken.py": "def f(:\n",
        "app/unused.py": "import os  # noqa: F401\n\n\ndef f():\n    return undefined_name\n",
        "app/number.py": "def f() -> int:\n    return 'one'\n",
        "app/query.py": "def f(db, name):\n    return db.execute(f\"select '{name}'\")  # nosemgrep\n",
        "web/markup.ts": "export const f = (e: HTMLElement, t: string) => {\n  e.innerHTML = t;\n};\n",
        "requirements.txt": "PyYAML==5.3.1\nidna>=3\n",
        "package-lock.json": json.dumps({"lockfileVersion": 3, "packages": {"node_modules/lodash": lock}}),
        "go.mod": "module example.org/x\n",
        "Dockerfile": "# hadolint ignore=DL3007\nFROM ubuntu:latest\nRUN apt-get install curl\n",
        "run.sh": "#!/bin/sh\n# shellcheck disable=SC2086\nrm -r $1/*\n[ $a = b ]\n",
        "pyproject.toml": "[tool.ruff]\nexclude = ['*']\n[tool.mypy]\nignore_errors = true\n",
        ".gitleaks.toml": "[allowlist]\npaths = ['.*']\n",
        ".gitleaksignore": "app/token.py:github-pat:1\n./app/token.py:github-pat:1\n",
        ".semgrepignore": "*\n",
        ".hadolint.yaml": "ignored: [DL3007]\n",
        ".shellcheckrc": "disable=SC2086\n",
    }
    return SourceTree(files={path: text.encode() for path, text in files.items()})


FAST = (
    Defect("detect-secrets", "GitHub Token", "app/token.py"),
    Defect("detect-secrets", "AWS Access Key", "app/aws.py"),
    Defect("detect-secrets", "Private Key", "app/key.pem"),
    Defect("detect-secrets", "GitHub Token", "poetry.lock"),
    Defect("bandit", "B602", "app/shell.py"),
    Defect("bandit", NOT_SCANNED, "app/broken.py"),
    Defect("ruff", "invalid-syntax", "app/broken.py"),
    Defect("ruff", "F401", "app/unused.py"),
    Defect("ruff", "F821", "app/unused.py"),
    Defect("hadolint", "DL3007", "Dockerfile"),
    Defect("hadolint", "DL3015", "Dockerfile"),
    Defect("shellcheck", "SC2154", "run.sh"),
    Defect("advisories", "GHSA-8q59-q68h-6hv4", "requirements.txt"),
    Defect("advisories", "GHSA-35jh-r3h4-6jhm", "package-lock.json"),
    Defect("advisories", "not-locked", "requirements.txt"),
    Defect("advisories", NOT_SCANNED, "go.mod"),
    Defect("licences", "denied", "package-lock.json"),
    Defect("licences", "unknown", "requirements.txt"),
)
"""Found by the fast scanners."""
DEEP = (
    Defect("gitleaks", "github-pat", "app/token.py"),
    Defect("mypy", "return-value", "app/number.py"),
    Defect("semgrep", "sql-from-parts", "app/query.py"),
    Defect("semgrep", "text-becomes-markup", "web/markup.ts"),
)
"""Found by those that take longer."""
