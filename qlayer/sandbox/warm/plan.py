"""A job as the zygote's child will see it, and what of it stays with the host.

Literals are parsed here, before anything is started: a job that cannot be judged is rejected, not run.
"""

from __future__ import annotations

import re
import secrets
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from qlayer.sandbox import compare, interpreter, wire
from qlayer.sandbox.base import InteractiveJob, ProgramJob, PytestJob, SandboxJob, SplitJob, ValuesJob
from qlayer.sandbox.files.patterns import Pattern, parse
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.protocol import NO_ENVIRONMENT
from qlayer.types.check import Case, Comparison
from qlayer.types.ids import is_digest
from qlayer.types.language import Language
from qlayer.types.source import SourceTree


class _Imports:
    """Whether a source has a line that imports one of some packages or of their sub-packages."""

    def __init__(self, *names: str) -> None:
        either = "|".join(names)
        line = rf"^[ \t]*(?:from[ \t]+|import[ \t]+(?:[^\n#;]*,[ \t]*)?)(?:{either})\b"
        self._names = tuple(name.encode() for name in names)
        self._line = re.compile(line.encode(), re.MULTILINE)

    def within(self, source: bytes) -> bool:
        # Looking for words takes half the time, and most sources have none of them.
        return any(name in source for name in self._names) and self._line.search(source) is not None


_WEB_IMPORTS = _Imports("fastapi", "starlette", "pydantic", "httpx", "anyio", "asyncio", "pytest")
_SCIENCE_IMPORTS = _Imports("numpy", "pandas")


class Kind(StrEnum):
    """A class of zygotes, by what they have imported."""

    BARE = "bare"
    WEB = "web"
    SCIENCE = "science"
    """With numpy and pandas, where they are installed."""
    TOOLS = "tools"
    """Nothing imported; shows the toolchains of all languages (`qlayer.sandbox.runtimes`)."""


class Rejected(ValueError):
    """The job itself is wrong; the message says where."""


class Plan(NamedTuple):
    kind: Kind
    job: Job
    tester: Job | None = None
    """Split mode only."""
    stdin: bytes = b""
    environment: bytes = NO_ENVIRONMENT
    """Digest of the prepared packages that the run sees."""
    outputs: tuple[Pattern, ...] = ()
    """What to bring back of what it leaves."""
    interactive: bool = False
    """The tester is a program too, joined to the first by pipes."""
    main_processes: int = 1
    """Of the platform's own making, besides a tester; the limit on processes does not count them."""


def make(job: SandboxJob) -> Plan:
    """Raises `Rejected`."""
    plan = _planned(job)
    name = None if isinstance(job, InteractiveJob) else job.environment
    if name is None:
        return plan
    # A bare zygote: a package that is warm already would hide the prepared one.
    return plan._replace(kind=Kind.BARE, environment=_environment(name))


def _planned(job: SandboxJob) -> Plan:
    nonce = secrets.token_hex(16)
    files = dict(job.tree.files)
    if isinstance(job, ValuesJob):
        driver = job.driver
        body = {"module": _module(job.module), "cases": [_case(case) for case in job.cases]}
        kind = Kind.WEB if driver == "asgi" else _kind(job.tree)
        if not job.fresh_process:
            return Plan(kind, Job(driver, nonce, body, files))
        if driver == "asgi":
            raise Rejected("fresh_process: an ASGI application keeps its state between requests")
        return Plan(kind, Job("fresh", nonce, body, files), main_processes=2)
    if isinstance(job, ProgramJob):
        if job.language is not Language.PYTHON:
            raise Rejected(f"language: warm interpreters run Python alone, not {job.language.value}")
        if job.path not in job.tree:
            raise Rejected(f"path: {job.path} is not in the tree")
        body = {"path": job.path, "argv": list(job.argv)}
        plan = Plan(_kind(job.tree), Job("program", nonce, body, files), stdin=job.stdin)
        return plan._replace(outputs=_outputs(job.outputs))
    if isinstance(job, PytestJob):
        for path in job.paths:
            if path.startswith("-"):
                raise Rejected(f"paths: {path!r} looks like an option")
        if len(set(job.expected_tests)) != len(job.expected_tests):
            raise Rejected("expected_tests: a test is named twice")
        return Plan(Kind.WEB, Job("pytest", nonce, {"paths": list(job.paths)}, files))
    if isinstance(job, InteractiveJob):
        raise Rejected("mode: warm interpreters run no interactive jobs")
    return _split(job, nonce, files)


def _split(job: SplitJob, nonce: str, files: dict[str, bytes]) -> Plan:
    body = {"module": _module(job.module), "function": job.function}
    tester = Job("split", secrets.token_hex(16), {**body, "tests": job.tests}, {})
    return Plan(_kind(job.tree), Job("split", nonce, body, files), tester)


def _case(case: Case) -> list[str]:
    """Function, arguments and keyword arguments, encoded. The expectation is only checked."""
    try:
        if case.expected is not None and case.expected.comparison is not Comparison.RAISES:
            compare.check_literal(case.expected.value)
        short = len(case.args) + len(case.kwargs) <= compare.KEPT_CHARACTERS
        encode = _arguments if short else _arguments.__wrapped__
        return [case.function, *encode(case.args, case.kwargs)]
    except (wire.Malformed, Rejected) as error:
        raise Rejected(f"case {case.name!r}: {error}") from None


@lru_cache(maxsize=1024)
def _arguments(args_text: str, kwargs_text: str) -> tuple[str, str]:
    """Kept, as many candidates are judged by the same cases."""
    args, kwargs = wire.literal(args_text), wire.literal(kwargs_text)
    if not isinstance(args, tuple | list) or not isinstance(kwargs, dict):
        raise Rejected("args must be a tuple and kwargs a dict")
    return wire.encode(list(args)), wire.encode(kwargs)


def _outputs(texts: tuple[str, ...]) -> tuple[Pattern, ...]:
    try:
        return parse(texts)
    except ValueError as error:
        raise Rejected(f"outputs: {error}") from None


def _environment(name: str) -> bytes:
    if not is_digest(name):
        raise Rejected(f"environment: {name!r} is not a digest")
    digest = bytes.fromhex(name.removeprefix("sha256:"))
    if digest == NO_ENVIRONMENT:
        raise Rejected("environment: all zeros means none")
    return digest


def _module(name: str) -> str:
    if not all(part.isidentifier() for part in name.split(".")):
        raise Rejected(f"module: {name!r} is not a dotted name")
    return name


def _kind(tree: SourceTree) -> Kind:
    sources = [_import_lines(data) for path, data in tree.files.items() if path.endswith(".py")]
    if interpreter.has_science() and any(_SCIENCE_IMPORTS.within(data) for data in sources):
        return Kind.SCIENCE
    return Kind.WEB if any(_WEB_IMPORTS.within(data) for data in sources) else Kind.BARE


def _import_lines(source: bytes) -> bytes:
    """All lines that can import something and some that cannot: few, and each word is looked for in all."""
    return b"\n".join(line for line in source.split(b"\n") if b"import" in line or b"from" in line)
