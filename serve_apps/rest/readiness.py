"""Whether everything that a run needs is there, found out by using each part a little."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from qlayer.app.build import Platform
from qlayer.errors import QlayerError
from qlayer.sandbox.base import ValuesJob
from qlayer.types.ids import sha256
from qlayer.types.source import SourceTree
from serve_apps.rest.schema import Part, Readiness

PROBE_S = 5.0
"""A part that does not answer for this long is not ready."""
KEPT_S = 2.0
"""An answer is given again for this long, so that asking often costs nothing."""

_PROBE_JOB = ValuesJob(tree=SourceTree(files={"probe.py": b""}), module="probe", cases=())
_EMPTY_BLOB = sha256(b"")


class Probe:
    """Asks the records, the blobs, the sandbox and the model, all at once."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = asyncio.Lock()
        self._last: tuple[float, Readiness] | None = None

    async def __call__(self) -> Readiness:
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._last is None or now - self._last[0] > KEPT_S:
                self._last = (now, await self._ask())
            return self._last[1]

    async def _ask(self) -> Readiness:
        parts = await asyncio.gather(
            _part("records", self._records),
            _part("blobs", self._blobs),
            _part("sandbox", self._sandbox),
            _part("model", self._model),
        )
        return Readiness(ready=all(part.ok for part in parts), parts=tuple(parts))

    async def _records(self) -> str:
        await self._platform.records.ping()
        return ""

    async def _blobs(self) -> str:
        await self._platform.blobs.has(_EMPTY_BLOB)
        return ""

    async def _sandbox(self) -> str:
        sandbox = self._platform.sandbox
        result = await sandbox.run(_PROBE_JOB)
        if not result.verdict.accepted:
            raise QlayerError(f"an empty program is {result.verdict.outcome}: {result.verdict.cause}")
        return f"{sandbox.info.backend}, tier {sandbox.info.tier}"

    async def _model(self) -> str:
        wanted = self._platform.settings.model
        served = [model.id for model in await self._platform.llm.models()]
        if wanted not in served:
            raise QlayerError(f"{wanted} is not served; served: {', '.join(served) or 'none'}")
        return wanted


async def _part(name: str, ask: Callable[[], Awaitable[str]]) -> Part:
    try:
        async with asyncio.timeout(PROBE_S):
            return Part(name=name, ok=True, detail=await ask())
    except TimeoutError:
        return Part(name=name, ok=False, detail=f"no answer within {PROBE_S:g} s")
    except QlayerError as error:
        return Part(name=name, ok=False, detail=error.message)
