"""Runs the programs of all languages and says what came of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from qlayer.sandbox import runtimes
from qlayer.sandbox.base import Limits, MiB, ProgramJob, Sandbox
from qlayer.types.frozen import Frozen
from qlayer.types.language import Language
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

LANGUAGES = tuple(language for language in Language if language is not Language.BINARY)
_PROGRAMS = Path(__file__).parent / "programs"
_STDIN = b"3 4\n5\n"


class LanguageCase(Frozen):
    """One program that every language has, and its verdict."""

    name: str
    """Of the file in the language's folder, without its suffix."""
    outcome: Outcome
    stdout: bytes = b"12\n"


CASES = (
    LanguageCase(name="hello", outcome=Outcome.ACCEPTED, stdout=b"hello\n"),
    LanguageCase(name="right", outcome=Outcome.ACCEPTED),
    LanguageCase(name="wrong", outcome=Outcome.WRONG_ANSWER),
    LanguageCase(name="broken", outcome=Outcome.COMPILE_ERROR),
    LanguageCase(name="loop", outcome=Outcome.CPU_LIMIT),
    LanguageCase(name="memory", outcome=Outcome.MEMORY_LIMIT),
)


class LanguageResult(Frozen):
    """What came of one program."""

    language: Language
    case: str
    expected: Outcome
    outcome: Outcome
    cause: str
    seconds: float
    """Of the build, if there was one, and the run."""


class LanguageSuite(Frozen):
    """All results, and the versions of the tools they were had with."""

    versions: dict[str, str]
    """Language -> what its tool says of itself."""
    missing: dict[str, str]
    """Language -> what is not installed; its programs were not run."""
    results: tuple[LanguageResult, ...]

    @property
    def as_expected(self) -> bool:
        """Whether every program got its exact outcome."""
        return all(result.outcome is result.expected for result in self.results)


def job_of(language: Language, case: LanguageCase) -> ProgramJob:
    """The program as a job. Raises StopIteration when the language lacks it."""
    file = next((_PROGRAMS / language.value).glob(f"{case.name}.*"))
    return ProgramJob(
        tree=SourceTree(files={file.name: file.read_bytes()}),
        path=file.name,
        language=language,
        stdin=_STDIN,
        expected_stdout=case.stdout,
    )


def limits_of(case: LanguageCase) -> Limits:
    """Short where the program is known to use up its time."""
    cpu_s = 0.5 if case.outcome is Outcome.CPU_LIMIT else 20.0
    return Limits(wall_s=120.0, cpu_s=cpu_s, memory_bytes=256 * MiB)


async def run_suite(sandbox: Sandbox, on_progress: Callable[[int, int], None]) -> LanguageSuite:
    """One program after the other, so that each one's time is its own."""
    found = await asyncio.to_thread(runtimes.probe)
    present = [language for language in LANGUAGES if not isinstance(found[language], str)]
    total, results = len(present) * len(CASES), list[LanguageResult]()
    for language in present:
        for case in CASES:
            results.append(await _result(sandbox, language, case))
            on_progress(len(results), total)
    return LanguageSuite(
        versions={each.value: runtimes.find(each).version for each in present},
        missing={each.value: str(found[each]) for each in LANGUAGES if each not in present},
        results=tuple(results),
    )


async def _result(sandbox: Sandbox, language: Language, case: LanguageCase) -> LanguageResult:
    loop = asyncio.get_running_loop()
    started = loop.time()
    verdict = (await sandbox.run(job_of(language, case), limits_of(case))).verdict
    return LanguageResult(
        language=language,
        case=case.name,
        expected=case.outcome,
        outcome=verdict.outcome,
        cause=verdict.cause,
        seconds=loop.time() - started,
    )
