"""Runs carried out by a server, over its HTTP interface.

A server may lose a replica at any time. A request to generate is repeated under its idempotency key, and a
stream that breaks is taken up after the last event that was seen: nothing is lost and nothing comes twice.
"""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from pydantic import ValidationError

from qlayer.cli.problem import error_of
from qlayer.cli.question import Reply
from qlayer.cli.sse import frames
from qlayer.errors import ConfigurationError, CorruptBlob, QlayerError
from qlayer.events.base import LiveText
from qlayer.packaging.attestation import sidecars_of
from qlayer.packaging.folder import write_folder
from qlayer.types.capsule import CapsuleManifest
from qlayer.types.ids import CapsuleId, RunId, canonical_json
from qlayer.types.run import Finished, RunEvent, RunRequest
from qlayer.types.source import SourceTree

READ_TIMEOUT_S = 60.0
"""Several times the server's heartbeat: a stream that is silent for longer is dead."""
PATIENCE_S = 120.0
"""How long a server may be away before we give up. A replica is back in seconds, a head in a minute."""
PAUSE_S = 1.0

Note = Callable[[str], None]

_SENT = {"text", "template", "layout", "model", "budget", "interactive"}
"""Of a request; the server fills in the rest."""


class RemoteRuns:
    """Runs of the server at `url`. `note` is told when the connection is lost and found again."""

    interrupted_hint = "the server was asked to stop it; `qlayer runs show {run_id}` tells how far it came"

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        note: Note,
        patience_s: float = PATIENCE_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._client = client
        self._note = note
        self._patience_s = patience_s
        self._pause_s = pause_s

    async def submit(self, request: RunRequest, key: str) -> RunId:
        body = request.model_dump(mode="json", include=_SENT)
        path = "/generate"
        if request.release_to is not None:
            path, body = "/generate-extended", {**body, "release_to": request.release_to}
        answer = await self._persist("POST", path, json=body, headers={"Idempotency-Key": key})
        return RunId(answer.json()["id"])

    async def carry(self, run_id: RunId) -> AsyncGenerator[RunEvent | LiveText, None]:
        """The run's events from the first, until it has finished, across lost connections."""
        seen = 0
        patience = _Patience(self._patience_s)
        while True:
            try:
                async for event in self._stream(run_id, seen):
                    patience.renew()
                    yield event
                    if isinstance(event, RunEvent):
                        seen = event.seq
                        if isinstance(event.body, Finished):
                            return
                why = "the stream ended early"
            except (httpx.TransportError, QlayerError) as error:
                why = _worth_retrying(error)
            patience.spend(why)
            self._note(f"connection lost ({why}); going on after event {seen}")
            await asyncio.sleep(self._pause_s)

    async def cancel(self, run_id: RunId) -> None:
        await self._persist("POST", f"/runs/{run_id}/cancel")

    async def answer(self, run_id: RunId, reply: Reply) -> None:
        body = {"expected": reply.expected, "raises": reply.raises}
        await self._send("POST", f"/runs/{run_id}/answers", json=body)

    async def interrupt(self, run_id: RunId) -> None:
        """The person left: ask the server to stop, once."""
        await self._send("POST", f"/runs/{run_id}/cancel")

    async def capsule(self, capsule: CapsuleId) -> tuple[CapsuleManifest, SourceTree]:
        """Download a capsule. Raises `CorruptBlob` when what came is not the capsule of this id."""
        shown = (await self._persist("GET", f"/capsules/{capsule}")).json()
        archive = (await self._persist("GET", f"/capsules/{capsule}/archive")).content
        try:
            manifest = CapsuleManifest.model_validate(shown["manifest"])
            tree = _tree(archive)
        except (ValidationError, ValueError, tarfile.TarError) as error:
            raise CorruptBlob(f"the server's answer for {capsule} cannot be read: {error}") from None
        if manifest.id != capsule or tree.digest != manifest.tree:
            raise CorruptBlob(f"the server's answer for {capsule} is another capsule")
        return manifest, tree

    async def export(self, capsule: CapsuleId, destination: Path) -> Path:
        manifest, tree = await self.capsule(capsule)
        sidecars = await self._sidecars(capsule)
        done = await asyncio.to_thread(
            write_folder, manifest, tree, destination, force=False, sidecars=sidecars
        )
        return done.path

    async def _sidecars(self, capsule: CapsuleId) -> dict[str, bytes]:
        """The signatures that lie beside the manifest, and the bill that they name; nothing is checked."""
        told = (await self._persist("GET", f"/capsules/{capsule}/provenance")).json()
        envelopes = [canonical_json(envelope) for envelope in told["envelopes"]]
        if not envelopes:
            return {}
        bill = await self._persist("GET", f"/capsules/{capsule}/sbom")
        return sidecars_of(envelopes, bill.content)

    async def _stream(self, run_id: RunId, after: int) -> AsyncIterator[RunEvent | LiveText]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(after)} if after else {})
        async with self._client.stream("GET", f"/runs/{run_id}/events", headers=headers) as response:
            if not response.is_success:
                await response.aread()
                raise error_of(response)
            async for frame in frames(response.aiter_lines()):
                if frame.event == "problem":
                    raise error_of(response, frame.data)
                kind: type[LiveText] | type[RunEvent] = LiveText if frame.event == "text" else RunEvent
                yield kind.model_validate_json(frame.data)

    async def _persist(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Send; repeat while the server is away. Only for what may safely be sent twice."""
        patience = _Patience(self._patience_s)
        while True:
            try:
                return await self._send(method, path, **given)
            except (httpx.TransportError, QlayerError) as error:
                why = _worth_retrying(error)
            patience.spend(why)
            self._note(f"no answer ({why}); trying again")
            await asyncio.sleep(self._pause_s)

    async def _send(self, method: str, path: str, **given: Any) -> httpx.Response:
        response = await self._client.request(method, path, **given)
        if not response.is_success:
            raise error_of(response)
        return response


@asynccontextmanager
async def remote_runs(url: str, note: Note) -> AsyncIterator[RemoteRuns]:
    """Connect to the server at `url`. Raises `ConfigurationError` when no qlayer answers there."""
    timeout = httpx.Timeout(READ_TIMEOUT_S, connect=5.0)
    local = httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")
    async with httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=not local) as client:
        try:
            alive = await client.get("/healthz")
        except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ConfigurationError(
                f"no qlayer answers at {url}: {error}", hint="`qlayer status` shows the stack of this machine"
            ) from None
        if alive.status_code == HTTPStatus.NOT_FOUND:
            raise ConfigurationError(f"what answers at {url} is not a qlayer server")
        yield RemoteRuns(client, note=note)


class _Patience:
    """Counts the seconds without a sign of life."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._clock = asyncio.get_running_loop().time
        self.renew()

    def renew(self) -> None:
        self._until = self._clock() + self._seconds

    def spend(self, why: str) -> None:
        """Raise `ConfigurationError` when there is no patience left."""
        if self._clock() >= self._until:
            raise ConfigurationError(
                f"the server was away for {self._seconds:.0f} s: {why}",
                hint="the run is on record; follow it again when the server is back",
            )


def _worth_retrying(error: httpx.TransportError | QlayerError) -> str:
    """Why it failed, as words; an error that trying again cannot help is raised again."""
    if isinstance(error, QlayerError):
        if not error.retryable:
            raise error
        return error.message
    return str(error) or type(error).__name__


def _tree(archive: bytes) -> SourceTree:
    """The files below the archive's one top folder, in memory: nothing is extracted to disk."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise ValueError(f"{member.name} is not a regular file")
            files[member.name.partition("/")[2]] = content.read()
    return SourceTree(files=files)
