"""A sandbox around another that does a run again when the platform, not the program, spoilt it.

A run whose verdict is SANDBOX_ERROR or NO_VERDICT, and retryable, is repeated at most `MAX_RETRIES` times;
the pool below gives each try the next free slot. The evidence of the answer lists the tries before it.
"""

from __future__ import annotations

from qlayer.sandbox.base import Limits, Sandbox, SandboxInfo, SandboxJob, SandboxResult
from qlayer.types.verdict import Outcome

MAX_RETRIES = 2
_UNDECIDED = (Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT)


class RetryingSandbox:
    """Obeys the contract of `Sandbox`. Entering and leaving it enters and leaves the inner one."""

    def __init__(self, inner: Sandbox, *, max_retries: int = MAX_RETRIES) -> None:
        self._inner = inner
        self._max_retries = max_retries

    @property
    def info(self) -> SandboxInfo:
        return self._inner.info

    async def run(self, job: SandboxJob, limits: Limits | None = None) -> SandboxResult:
        """As the inner one, again where the platform spoilt a run. The last try's answer is the answer."""
        tries: list[str] = []
        while True:
            result = await self._inner.run(job, limits)
            if not _spoilt(result) or len(tries) >= self._max_retries:
                return _with_tries(result, tries)
            tries.append(f"{result.verdict.outcome.value}: {result.verdict.cause}")

    async def __aenter__(self) -> RetryingSandbox:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._inner.__aexit__(*exc)


def _spoilt(result: SandboxResult) -> bool:
    return result.verdict.outcome in _UNDECIDED and result.verdict.retryable


def _with_tries(result: SandboxResult, tries: list[str]) -> SandboxResult:
    if not tries:
        return result
    evidence = result.verdict.evidence.model_copy(update={"tries": tuple(tries)})
    return result.model_copy(update={"verdict": result.verdict.model_copy(update={"evidence": evidence})})
