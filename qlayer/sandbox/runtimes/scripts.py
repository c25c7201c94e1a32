"""Languages whose text is run as it is: Python, Bash, SQL."""

from __future__ import annotations

from qlayer.sandbox.runtimes.base import Build, Runtime
from qlayer.types.language import Language

_CHECK_SQL = """\
import re, sqlite3, sys
database = sqlite3.connect(":memory:")
wrong = re.compile("syntax error|unrecognized token|incomplete input")
lines, statement, start = open(sys.argv[1], encoding="utf-8").read().split("\\n"), "", 0
for number, line in enumerate([*lines, ";"], 1):
    if not statement.strip() and line.startswith("."):
        continue
    start = start if statement.strip() else number
    statement += line + "\\n"
    if sqlite3.complete_statement(statement):
        for part in [statement]:
            try:
                database.execute("EXPLAIN " + part.lstrip()) if part.strip(" \\t\\r\\n;") else None
            except (sqlite3.Error, sqlite3.Warning) as error:
                if wrong.search(str(error)):
                    sys.exit(f"{sys.argv[1]}:{start}: {error}")
        statement = ""
if statement.strip(" \\t\\r\\n;"):
    sys.exit(f"{sys.argv[1]}:{start}: incomplete input")
"""
"""Parses every statement that ends a line. Only grammar: tables of earlier statements are not there."""

PYTHON = Runtime(
    language=Language.PYTHON,
    name="cpython",
    tools=("python",),
    install="the interpreter that runs qlayer",
    run=("{tool}", "-s", "-B", "-X", "utf8", "{path}"),
)
"""In a fresh interpreter. `ProgramJob` runs Python in a warm one; only interactive pairs use this."""

BASH = Runtime(
    language=Language.BASH,
    name="bash",
    tools=("bash",),
    install="apt-get install bash",
    build=Build(argv=("{tool}", "-n", "{path}"), artefacts=False),
    run=("{tool}", "{path}"),
)

SQL = Runtime(
    language=Language.SQL,
    name="sqlite3",
    tools=("sqlite3",),
    install="apt-get install sqlite3",
    build=Build(argv=("{host:python}", "-I", "-S", "-B", "-c", _CHECK_SQL, "{path}"), artefacts=False),
    run=("{tool}", "-batch", "-bail", "-init", "/dev/null", ":memory:", ".read {path}"),
)

SCRIPTS = (PYTHON, BASH, SQL)
