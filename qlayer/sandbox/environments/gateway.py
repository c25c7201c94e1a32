"""The only way out of a build: passes on what the configured index answers, and nothing else.

The build asks for a page by a project's name, or for a file by an address that a page gave. Only the index's
own origin and the file origins that are configured are asked, redirects included; everything else is refused
and logged. Credentials of the index's address stay on this side.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from qlayer.errors import ConfigurationError, DependencyError, IndexUnavailable, SandboxError
from qlayer.sandbox.environments.config import EnvironmentsConfig
from qlayer.sandbox.zygote.install import DATA, END, PACKET_BYTES

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_MOST_REDIRECTS = 5
_UNKNOWN = (404, 410)
_PER_PAGE_BYTES = 64 * 1024 * 1024


class Gateway:
    """Answers one build. Use as ``async with``."""

    def __init__(self, config: EnvironmentsConfig) -> None:
        """Raises `ConfigurationError` when no usable index is configured."""
        if config.index_url is None:
            raise ConfigurationError(
                "no package index is configured",
                hint="set QLAYER_ENVIRONMENTS__INDEX_URL, or pip's index-url",
            )
        self._index = httpx.URL(config.index_url.rstrip("/") + "/")
        if self._index.scheme not in ("http", "https"):
            raise ConfigurationError("the package index is not an http or https address")
        self._allowed = {_origin(self._index), *(_origin(httpx.URL(url)) for url in config.file_origins)}
        self._left_bytes = self._most_bytes = config.limits.download_bytes
        self._client = httpx.AsyncClient(
            timeout=config.connect_timeout_s,
            trust_env=False,
            proxy=config.proxy_url,
            follow_redirects=False,
            verify=ssl.create_default_context(cafile=str(config.ca_file)) if config.ca_file else True,
        )
        self.refused: list[str] = []
        """Addresses that were asked for and are not allowed."""

    async def __aenter__(self) -> Gateway:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.aclose()

    async def answer(self, request: dict[str, Any], send: Any) -> None:
        """Fetch what the build asks for and pass it on. `send` is a coroutine that takes one packet.

        Raises `IndexUnavailable`, `ConfigurationError` (an address that is not allowed), `DependencyError`
        (the limit of bytes), `SandboxError` (a request that no honest build makes).
        """
        page = "page" in request
        try:
            url = self._page(request["page"]) if page else httpx.URL(str(request["file"]))
            async with self._opened(url) as response:
                await self._pass_on(response, page, send)
        except httpx.InvalidURL as error:
            raise SandboxError(f"the build asked for no address: {error}") from None
        except httpx.HTTPError as error:
            reason = f"{type(error).__name__}: {error}"
            raise IndexUnavailable(
                f"the package index cannot be reached ({reason})", hint="try again; the lock was not judged"
            ) from None

    def _page(self, name: object) -> httpx.URL:
        if not isinstance(name, str) or not _NAME.match(name):
            raise SandboxError("the build asked for a page of no package")
        return self._index.join(f"{name}/")

    @asynccontextmanager
    async def _opened(self, url: httpx.URL) -> AsyncIterator[httpx.Response]:
        for _ in range(_MOST_REDIRECTS + 1):
            self._allow(url)
            headers = {"Accept": _ACCEPT, "Accept-Encoding": "identity"}
            async with self._client.stream("GET", self._with_credentials(url), headers=headers) as response:
                if response.next_request is None:
                    yield response
                    return
                url = response.next_request.url
        raise IndexUnavailable("the package index redirects in circles")

    def _allow(self, url: httpx.URL) -> None:
        if _origin(url) in self._allowed:
            return
        origin = _origin(url)
        self.refused.append(origin)
        _log.warning("a build was refused the address %s", origin)
        raise ConfigurationError(
            f"the package index sends to {origin}, which is not allowed",
            hint="if its files lie there, add that to QLAYER_ENVIRONMENTS__FILE_ORIGINS",
        )

    def _with_credentials(self, url: httpx.URL) -> httpx.URL:
        """The index's own, for the index's origin only; never any that a page brings."""
        user = self._index.userinfo if _origin(url) == _origin(self._index) else b""
        return url.copy_with(userinfo=user)

    async def _pass_on(self, response: httpx.Response, page: bool, send: Any) -> None:
        status = response.status_code
        if status in (401, 403, 407):
            raise ConfigurationError(
                f"the package index refuses to answer ({status})", hint="its credentials?"
            )
        if status != 200 and not (page and status in _UNKNOWN):
            raise IndexUnavailable(f"the package index answers {status}", hint="try again")
        head = {
            "status": 404 if status in _UNKNOWN else 200,
            "type": response.headers.get("content-type", ""),
            "url": str(response.url.copy_with(userinfo=b"")),
        }
        await send(json.dumps(head).encode())
        left = _PER_PAGE_BYTES
        async for chunk in response.aiter_bytes(PACKET_BYTES - 1):
            if page:
                left -= len(chunk)
                if left < 0:
                    raise IndexUnavailable("a page of the package index is too long")
            else:
                self._count(len(chunk))
            await send(DATA + chunk)
        await send(END)

    def _count(self, size: int) -> None:
        self._left_bytes -= size
        if self._left_bytes < 0:
            limit = f"download_bytes={self._most_bytes}"
            raise DependencyError("the packages are too big to fetch", field="lock", limit=limit)


def _origin(url: httpx.URL) -> str:
    """``scheme://host:port``, the port always written out."""
    port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
    return f"{url.scheme}://{url.host}:{port}"


async def relay(control: Any, packet: bytes) -> None:
    """Send one packet to the build. Raises `SandboxError` when it is gone."""
    try:
        await asyncio.get_running_loop().sock_sendall(control, packet)
    except OSError as error:
        raise SandboxError(f"the build is gone: {error}") from None
