"""Talking to a registry: bounded answers, errors as sentences, and passwords that stay where they belong.

A registry may send a client anywhere: by a redirect, an upload's address, or the place that hands out
tokens. A password goes to the registry itself and to a token service of the same host or of a domain above it
(``gitlab.example`` for ``registry.gitlab.example``), encrypted unless the registry is not; a token goes to
the registry alone. Any other place is asked without either.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import httpx

from qlayer.errors import StoreError
from qlayer.types.frozen import Frozen

TIMEOUT_S = 60.0
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""What the distribution specification asks registries to accept, and clients need not exceed."""
MAX_ANSWER_BYTES = 256 * 1024
"""Of errors and tokens."""
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class Login(NamedTuple):
    """A registry's user."""

    user: str
    password: str


class Answer(NamedTuple):
    """What a registry said, read to its end."""

    status: int
    headers: httpx.Headers
    url: httpx.URL
    body: bytes

    def json(self) -> Any:
        """Raises `ValueError`."""
        return json.loads(self.body)


class Challenge(Frozen):
    """Where a registry says that a token is to be had (distribution's token specification)."""

    realm: str
    service: str = ""
    scope: str = ""

    @classmethod
    def parse(cls, header: str) -> Challenge | None:
        """None when another kind of login is asked for."""
        scheme, _, rest = header.partition(" ")
        told = dict(_PARAMETER.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in told:
            return None
        return cls(**{name: told[name] for name in cls.model_fields if name in told})


class RegistryHttp:
    """One repository of a registry over HTTP. `name` is what messages call it."""

    def __init__(
        self,
        base: str,
        name: str,
        login: Login | None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._home = httpx.URL(base)
        self._name = name
        self._login = login
        self._token: str | None = None
        self._http = httpx.AsyncClient(
            base_url=base, timeout=TIMEOUT_S, follow_redirects=True, transport=transport
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        fine: tuple[int, ...],
        *,
        limit: int = MAX_ANSWER_BYTES,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """An answer with one of the states `fine`, of at most `limit` bytes. Raises `StoreError`."""
        url = self._home.join(path)
        given = {**(headers or {}), **self._authorization(url)}
        answer = await self._sent(method, url, limit, content, given)
        challenge = Challenge.parse(answer.headers.get("www-authenticate", ""))
        if answer.status == 401 and challenge is not None and self._at_home(url):
            self._token = await self._fetch_token(challenge)
            given = {**(headers or {}), **self._authorization(url)}
            answer = await self._sent(method, url, limit, content, given)
        if answer.status not in fine:
            raise StoreError(f"{self._name}: {method} was answered {answer.status}: {_why(answer)}")
        return answer

    def _authorization(self, url: httpx.URL) -> dict[str, str]:
        if not self._at_home(url):
            return {}
        if self._token is not None:
            return {"authorization": f"Bearer {self._token}"}
        return _basic(self._login)

    def _at_home(self, url: httpx.URL) -> bool:
        return (url.scheme, url.host, url.port) == (self._home.scheme, self._home.host, self._home.port)

    async def _fetch_token(self, challenge: Challenge) -> str:
        realm = self._home.join(challenge.realm)
        if realm.scheme not in ("http", "https"):
            raise StoreError(f"{self._name}: tokens cannot be had at {challenge.realm[:200]!r}")
        known = {"service": challenge.service, "scope": challenge.scope}
        asked = realm.copy_merge_params({name: told for name, told in known.items() if told})
        login = _basic(self._login) if self._may_know_password(realm) else {}
        answer = await self._sent("GET", asked, MAX_ANSWER_BYTES, None, login)
        try:
            told = answer.json()
            token = told.get("token") or told["access_token"]
            if answer.status != 200 or not isinstance(token, str):
                raise ValueError(answer.status)
        except (ValueError, KeyError, AttributeError):
            withheld = "" if login or self._login is None else ", which is not told the registry's password"
            raise StoreError(f"{self._name}: no token was given by {realm.host}{withheld}") from None
        return token

    def _may_know_password(self, realm: httpx.URL) -> bool:
        if realm.scheme != "https" and self._home.scheme == "https":
            return False
        above = "." in realm.host and self._home.host.endswith(f".{realm.host}")
        return realm.host == self._home.host or above

    async def _sent(
        self, method: str, url: httpx.URL, limit: int, content: bytes | None, headers: dict[str, str]
    ) -> Answer:
        try:
            async with self._http.stream(method, url, content=content, headers=headers) as response:
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > limit:
                        raise StoreError(f"{self._name}: the registry sent more than {limit} bytes")
                return Answer(response.status_code, response.headers, response.url, bytes(body))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise StoreError(
                f"{self._home.netloc.decode()} cannot be reached ({type(error).__name__})",
                hint="is it a registry without TLS? then say so: --plain-http",
            ) from None


def _basic(login: Login | None) -> dict[str, str]:
    if login is None:
        return {}
    request = httpx.Request("GET", "http://unused.invalid")
    prepared = next(httpx.BasicAuth(*login).auth_flow(request))
    return {"authorization": prepared.headers["authorization"]}


def _why(answer: Answer) -> str:
    try:
        return "; ".join(str(one.get("message", one["code"]))[:500] for one in answer.json()["errors"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return httpx.codes.get_reason_phrase(answer.status)
