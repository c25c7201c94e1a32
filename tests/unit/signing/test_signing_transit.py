"""What answers at the transit engine's address may be anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from qlayer.errors import SigningError
from qlayer.signing.config import TransitConfig
from qlayer.signing.transit import TransitSigner, open_transit, transit_keys
from qlayer.types.signature import KeyId, PublicKey

hvac = pytest.importorskip("hvac", reason="no hvac: install the extra openbao")

CONFIG = TransitConfig(url="http://127.0.0.1:1", key="release")


class Answers:
    """A client whose transit engine answers what it was given."""

    def __init__(self, answer: Any) -> None:
        self.secrets = self.transit = self
        self.answer = answer

    def read_key(self, name: str, mount_point: str) -> Any:
        return self.answer

    def sign_data(self, name: str, **_: Any) -> Any:
        return self.answer


def keys(**version: Any) -> dict[str, Any]:
    return {"data": {"type": "ed25519", "keys": {"1": version}}}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": None},
        None,
        {"data": {"type": "ed25519", "keys": []}},
        {"data": {"type": "ed25519", "keys": {"one": {}}}},
        keys(),
        keys(public_key="AAAA", creation_time="yesterday"),
        keys(public_key="AAAA", creation_time="2026-01-02T03:04:05Z"),
        keys(public_key=7, creation_time=7),
    ],
)
async def test_odd_keys_are_told_as_a_sentence(answer: Any) -> None:
    with pytest.raises(SigningError, match="no transit engine answers"):
        await transit_keys(Answers(answer), CONFIG)


@pytest.mark.parametrize(
    "answer", [{}, None, {"data": {"signature": "x"}}, {"data": {"signature": "v:1:%%"}}]
)
async def test_odd_signatures_are_told_as_a_sentence(answer: Any) -> None:
    key = PublicKey(
        id=KeyId("0" * 64), name="release", public="0" * 64, created_at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    signer = TransitSigner(Answers(answer), CONFIG, key, 1)
    with pytest.raises(SigningError, match="no transit engine answers"):
        await signer.sign(b"x", "text/plain")


async def test_a_key_without_versions_cannot_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Answers({"data": {"type": "ed25519", "keys": {}}})
    monkeypatch.setattr(hvac, "Client", lambda **_: nothing)
    with pytest.raises(SigningError, match="no version"):
        await open_transit(CONFIG, "token")
