"""The hostile corpus as data: every file in `programs/` becomes a `Program`.

A file starts with machine-read comment lines (``# key: value``), which are cut off before the program is
run, so that it cannot read its own expectations. Lines ``#@file PATH`` split a file into a tree.

=============  ==========================================================================================
title          what is attempted
mode           program, values, split or pytest: the job it becomes
expect         the outcome with all guards on
guard          controls (joined by ``+`` when either alone still stops it) without which it succeeds;
               ``subprocess``: it succeeds in a bare, unguarded process; ``none``: benign, must be accepted
proof          text on stdout that shows success, or ACCEPTED (runs to its end), or BELIEVED (a naive judge
               takes it for a pass)
limits         ``name=number`` pairs over the corpus' defaults
runs           how often it is run in a row in one sandbox; the proof is looked for in the last run
argv           arguments; ``{folder}``, ``{port}``, ``{abstract}`` and ``{name}`` are filled in by the test
needs          what the bare process needs: root, neighbour, secret environment, secret descriptor
stdin-bytes    how many bytes of standard input there are (program mode)
stdout         expected stdout as a Python literal (program mode)
case           ``f(1, 2) == literal`` (values mode, repeatable)
function       the judged function (split mode)
test           one line of the test code (split mode, repeatable)
expects-test   a node id that must pass once (pytest mode, repeatable)
label          forgeable: the evidence must say so
=============  ==========================================================================================
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from qlayer.sandbox.base import Limits, MiB, ProgramJob, PytestJob, SandboxJob, SplitJob, ValuesJob
from qlayer.sandbox.config import Control
from qlayer.types.check import Case, Expectation
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

PROGRAMS = Path(__file__).parent / "programs"
ENTRY = "main.py"
REPEATABLE = {"case", "test", "expects-test"}
SINGLE = {"title", "mode", "expect", "guard", "proof", "limits", "runs", "argv"}
SINGLE |= {"needs", "stdin-bytes", "stdout", "function", "label"}
_HEADER = re.compile(r"# ([a-z-]+): ?(.*)\Z")


@dataclass(frozen=True)
class Program:
    """One attack (or benign twin) with what must come of it."""

    name: str
    header: dict[str, str]
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def mode(self) -> str:
        return self.header["mode"]

    @property
    def benign(self) -> bool:
        return self.header["guard"] == "none"

    @property
    def needs_bare_process(self) -> bool:
        return self.header["guard"] == "subprocess"

    @cached_property
    def guards(self) -> frozenset[Control]:
        """The controls that must all be off for the attack to succeed."""
        if self.benign or self.needs_bare_process:
            return frozenset()
        return frozenset(Control(name) for name in self.header["guard"].split("+"))

    @cached_property
    def expected(self) -> frozenset[Outcome]:
        return frozenset(Outcome(name) for name in self.header["expect"].split("|"))

    @property
    def proof(self) -> str:
        return self.header.get("proof", "")

    @property
    def proof_is_text(self) -> bool:
        return self.proof not in ("", "ACCEPTED", "BELIEVED")

    @property
    def runs(self) -> int:
        return int(self.header.get("runs", "1"))

    @property
    def needs(self) -> str:
        return self.header.get("needs", "")

    @property
    def tells_its_attempt(self) -> bool:
        """Whether it prints ATTEMPT before it tries; pytest captures what its tests print."""
        return not self.benign and self.mode != "pytest"

    @cached_property
    def limits(self) -> Limits:
        given = dict(pair.split("=") for pair in self.header.get("limits", "").split())
        return Limits.model_validate({"wall_s": 20, "cpu_s": 10, "memory_bytes": 256 * MiB, **given})

    @property
    def tree(self) -> SourceTree:
        return SourceTree().with_files(self.files)

    def argv(self, places: dict[str, str]) -> tuple[str, ...]:
        return tuple(part.format(**places) for part in self.header.get("argv", "").split())

    def calls(self) -> list[tuple[str, str, str]]:
        """Values mode: (function, arguments as a tuple display, expected literal) per case."""
        found = []
        for text in self.lists["case"]:
            call, expected = text.split(" == ", 1)
            function, arguments = call.rstrip(")").split("(", 1)
            found.append((function, f"({arguments},)", expected))
        return found

    def job(self, places: dict[str, str]) -> SandboxJob:
        if self.mode == "program":
            stdout = self.header.get("stdout")
            return ProgramJob(
                tree=self.tree,
                path=ENTRY,
                argv=self.argv(places),
                stdin=bytes(int(self.header.get("stdin-bytes", "0"))),
                expected_stdout=None if stdout is None else ast.literal_eval(stdout).encode(),
            )
        if self.mode == "values":
            cases = tuple(
                Case(name=f"case {index}", function=function, args=args, expected=Expectation(value=expected))
                for index, (function, args, expected) in enumerate(self.calls())
            )
            return ValuesJob(tree=self.tree, module="main", cases=cases)
        if self.mode == "split":
            return SplitJob(
                tree=self.tree, module="main", function=self.header["function"], tests=self.tests_source
            )
        expected_tests = self.lists["expects-test"]
        paths = tuple(sorted({test.split("::")[0] for test in expected_tests}))
        return PytestJob(tree=self.tree, paths=paths, expected_tests=expected_tests)

    @property
    def tests_source(self) -> str:
        return "\n".join(self.lists["test"]) + "\n"


def read_program(path: Path) -> Program:
    """Parse one file. Raises ValueError naming the file for an unknown or missing key."""
    header: dict[str, str] = {}
    lists: dict[str, list[str]] = {key: [] for key in REPEATABLE}
    lines = path.read_text().splitlines(keepends=True)
    start = 0
    for line in lines:
        match = _HEADER.match(line.rstrip("\n"))
        if match is None:
            break
        key, value = match.groups()
        if key not in SINGLE | REPEATABLE:
            raise ValueError(f"{path.name}: unknown key {key!r}")
        if key in REPEATABLE:
            lists[key].append(value)
        else:
            header[key] = value
        start += 1
    missing = {"title", "mode", "expect", "guard"} - header.keys()
    if missing or (header["guard"] != "none" and "proof" not in header):
        raise ValueError(f"{path.name}: missing {sorted(missing) or 'proof'}")
    return Program(
        name=path.stem,
        header=header,
        lists={key: tuple(values) for key, values in lists.items()},
        files=_split_files(lines[start:]),
    )


def _split_files(lines: list[str]) -> dict[str, str]:
    files: dict[str, str] = {}
    current = ENTRY
    for line in lines:
        if line.startswith("#@file "):
            current = line.removeprefix("#@file ").strip()
            files[current] = ""
        else:
            files[current] = files.get(current, "") + line
    return files


def read_corpus() -> tuple[Program, ...]:
    return tuple(read_program(path) for path in sorted(PROGRAMS.glob("*.py")))


CORPUS = read_corpus()
ATTACKS = tuple(program for program in CORPUS if not program.benign)
BENIGN = tuple(program for program in CORPUS if program.benign)
FORGERIES = tuple(program for program in ATTACKS if program.name.startswith("fake_"))
