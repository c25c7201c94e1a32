"""Fetches a file of weights from the model hub over HTTP, going on where an earlier fetch stopped.

The hub is asked first, so it must fail fast: a short time to connect, one clear sentence when it does not.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx

from qlayer.errors import SourceFailed
from qlayer.llm.catalogue import HubSource
from qlayer.llm.partial import Mark, Partial

COMMIT_BYTES = 32 * 1024 * 1024
"""How much of a download a crash may cost."""
READ_TIMEOUT_S = 30.0
MAX_RECONNECTS = 3
"""Connections lost in mid-file that are taken up again, as long as each brought something."""


class Hub:
    """The model hub at `url`."""

    def __init__(self, url: str, connect_timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._timeout = httpx.Timeout(READ_TIMEOUT_S, connect=connect_timeout_s)

    def fetch(
        self,
        source: HubSource,
        partial: Partial,
        on_size: Callable[[int], None],
        on_bytes: Callable[[int], None],
    ) -> None:
        """Fetch the whole file into `partial`. `on_size` sees the full size before the first byte is written.

        Raises `SourceFailed` (not reachable, refused, broke off), and whatever `on_size` raises.
        """
        origin = f"hub:{source.repo}/{source.file}@{source.revision}"
        for _ in range(1 + MAX_RECONNECTS):
            before = partial.mark.size_bytes
            try:
                self._fetch_once(source, origin, partial, on_size, on_bytes)
                return
            except httpx.HTTPError as error:
                failure = SourceFailed(f"the model hub: {_sentence(error)}")
                partial.close()
                if partial.mark.size_bytes <= before:
                    raise failure from error
        raise failure

    def _fetch_once(
        self,
        source: HubSource,
        origin: str,
        partial: Partial,
        on_size: Callable[[int], None],
        on_bytes: Callable[[int], None],
    ) -> None:
        known = partial.mark
        offset = known.size_bytes if known.origin == origin else 0
        url = f"{self._url}/{source.repo}/resolve/{source.revision}/{source.file}"
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
        with (
            httpx.Client(timeout=self._timeout, follow_redirects=True) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if offset and response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # every byte is here already; the digest will tell
            response.raise_for_status()
            start = offset if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
            size = int(response.headers.get("Content-Length", 0))
            on_size(start + size)
            partial.begin(Mark(origin=origin, size_bytes=start))
            _copy(response, partial, start, on_bytes)


def _copy(response: httpx.Response, partial: Partial, start: int, on_bytes: Callable[[int], None]) -> None:
    done = committed = start
    try:
        for block in response.iter_raw():
            partial.write(block)
            done += len(block)
            if done - committed >= COMMIT_BYTES:
                partial.commit()
                committed = done
            on_bytes(done)
    finally:
        partial.commit()


def _sentence(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"answered {error.response.status_code} for {error.request.url.path}"
    if isinstance(error, httpx.ConnectTimeout):
        return "did not answer in time"
    return f"cannot be reached ({error})" if isinstance(error, httpx.ConnectError) else f"broke off ({error})"
