"""Keys in files, and which signatures count."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from securesystemslib.dsse import Envelope as Dsse
from securesystemslib.signer import SSlibKey

from qlayer.errors import ConflictError, InputError, NotFoundError, SignatureRefused, SigningError
from qlayer.signing.base import check, encoded, parse_envelope
from qlayer.signing.key_file import MAX_TRUST_BYTES, TRUST_FILE, KeyFolder
from qlayer.types.signature import Envelope, KeyState, Trust

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LATER = datetime(2026, 2, 3, tzinfo=UTC)
TYPE = "application/vnd.in-toto+json"


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "keys")


async def signed(keys: KeyFolder, payload: bytes = b'{"a": 1}') -> Envelope:
    return await keys.signer("release").sign(payload, TYPE)


async def test_a_signature_counts_for_its_bytes_its_type_and_a_trusted_key(keys: KeyFolder) -> None:
    key = keys.create("release", NOW)
    envelope = parse_envelope(encoded(await signed(keys)))
    assert check(envelope, keys.trust(), TYPE) == key
    with pytest.raises(SignatureRefused, match="holds"):
        check(envelope, keys.trust(), "text/plain")
    with pytest.raises(SignatureRefused, match="does not fit"):
        check(envelope.model_copy(update={"payload": b'{"a": 2}'}), keys.trust(), TYPE)
    with pytest.raises(SignatureRefused, match="not trusted"):
        check(envelope, Trust(), TYPE)


async def test_another_reader_of_the_standard_accepts_the_envelope(keys: KeyFolder) -> None:
    key = keys.create("release", NOW)
    envelope = Dsse.from_dict(json.loads(encoded(await signed(keys, bytes(range(256))))))
    public = SSlibKey(key.id, "ed25519", "ed25519", {"public": key.public})
    assert list(envelope.verify([public], 1)) == [key.id]
    assert envelope.payload == bytes(range(256))


async def test_a_key_may_not_take_the_id_of_a_trusted_one(keys: KeyFolder) -> None:
    trusted = keys.create("release", NOW)
    other = keys.create("other", NOW)
    envelope = await keys.signer("other").sign(b"x", TYPE)
    forged = envelope.model_copy(
        update={"signatures": (envelope.signatures[0].model_copy(update={"keyid": trusted.id}),)}
    )
    with pytest.raises(SignatureRefused, match="does not fit"):
        check(forged, keys.trust(), TYPE)
    with pytest.raises(InputError, match="does not belong"):
        keys.add(other.model_copy(update={"id": trusted.id}))


async def test_rotated_keys_still_count_and_revoked_ones_never(keys: KeyFolder) -> None:
    old = keys.create("release", NOW)
    before = await signed(keys)
    new = keys.rotate("release", LATER, "yearly rotation")
    after = await signed(keys)
    assert check(before, keys.trust(), TYPE).state is KeyState.RETIRED
    assert check(after, keys.trust(), TYPE) == new
    keys.revoke(old.id, LATER, "the laptop was stolen")
    with pytest.raises(SignatureRefused, match="revoked: the laptop was stolen"):
        check(before, keys.trust(), TYPE)
    assert check(after, keys.trust(), TYPE) == new
    with pytest.raises(ConflictError, match="revoked"):
        keys.add(old)
    keys.revoke("release", LATER, "end of service")
    with pytest.raises(NotFoundError):
        keys.signer("release")


def test_what_has_ended_does_not_come_back_and_own_names_are_kept(keys: KeyFolder, tmp_path: Path) -> None:
    old = keys.create("release", NOW)
    keys.rotate("release", LATER, "yearly")
    with pytest.raises(ConflictError, match="retired"):
        keys.add(old)
    theirs = KeyFolder(tmp_path / "theirs").create("release", LATER)
    with pytest.raises(ConflictError, match="of your own"):
        keys.add(theirs)
    keys.add(theirs.model_copy(update={"name": "theirs"}))
    assert keys.trust().find("theirs") is not None


def test_private_keys_are_for_their_owner_only(keys: KeyFolder, tmp_path: Path) -> None:
    keys.create("release", NOW)
    (private,) = (tmp_path / "keys").glob("*.key")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    keys.rotate("release", LATER, "yearly")
    assert not private.exists()


async def test_a_key_that_others_may_read_is_refused(keys: KeyFolder, tmp_path: Path) -> None:
    keys.create("release", NOW)
    (private,) = (tmp_path / "keys").glob("*.key")
    private.chmod(0o640)
    with pytest.raises(SigningError, match="others may read") as refusal:
        await signed(keys)
    private.chmod(0o600)
    private.write_text("-----BEGIN PRIVATE KEY-----\nsecret-words\n-----END PRIVATE KEY-----\n")
    with pytest.raises(SigningError, match="no private key") as damaged:
        await signed(keys)
    assert "secret-words" not in repr((refusal.value, damaged.value))


async def test_a_swapped_private_key_does_not_sign(keys: KeyFolder, tmp_path: Path) -> None:
    keys.create("release", NOW)
    keys.create("other", NOW)
    (one,) = (tmp_path / "keys").glob("release-*.key")
    (other,) = (tmp_path / "keys").glob("other-*.key")
    os.replace(other, one)
    with pytest.raises(SigningError, match="not the private half"):
        await signed(keys)


@pytest.mark.parametrize("name", ["", "Release", "../x", "a" * 64, "a\n"])
def test_odd_names_are_refused_before_anything_is_written(keys: KeyFolder, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        keys.create(name, NOW)
    assert not list(tmp_path.rglob("*.key"))


def test_names_are_taken_once_and_damage_is_told(keys: KeyFolder, tmp_path: Path) -> None:
    keys.create("release", NOW)
    with pytest.raises(ConflictError, match="already") as taken:
        keys.create("release", LATER)
    assert "rotate" in str(taken.value.hint) and len(list(tmp_path.rglob("*.key"))) == 1
    (tmp_path / "keys" / TRUST_FILE).write_text("{")
    with pytest.raises(SigningError, match="cannot be read"):
        keys.trust()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + b" ",
        lambda text: text.replace(b'"payload"', b'"payload" ', 1),
        lambda text: b"[]",
        lambda text: b"",
        lambda text: text.replace(b'"signatures":[', b'"signatures":[],"x":[', 1),
    ],
)
async def test_envelopes_have_one_form(keys: KeyFolder, change: object) -> None:
    keys.create("release", NOW)
    with pytest.raises(SignatureRefused):
        parse_envelope(change(encoded(await signed(keys))))  # type: ignore[operator]


class Killed(BaseException):
    """As if by signal 9: nothing is cleaned up after it."""


@pytest.mark.parametrize("dies_at", ["trust.json", "final name"])
@pytest.mark.parametrize("change", ["create", "rotate"])
async def test_killed_between_the_writes_nothing_is_left_that_the_trust_does_not_know(
    keys: KeyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: str, change: str
) -> None:
    folder = tmp_path / "keys"
    if change == "rotate":
        keys.create("release", NOW)
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if (Path(target).name == TRUST_FILE) == (dies_at == "trust.json"):
            raise Killed
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            keys.create("release", LATER) if change == "create" else keys.rotate("release", LATER, "yearly")
    assert list(folder.glob(".*.key.new")), "it was killed between two writes"
    known = keys.trust().find("release")
    if known is None:
        keys.create("release", LATER)
    else:
        assert (known.created_at == LATER) == (dies_at == "final name")
    await signed(keys)
    keys.create("other", LATER)
    assert not list(folder.glob(".*.key.new"))
    assert len(list(folder.glob("release-*.key"))) == 1


def test_links_are_not_followed_and_large_files_not_read(keys: KeyFolder, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys.create("release", NOW)
    elsewhere = tmp_path / "elsewhere"
    (folder / TRUST_FILE).rename(elsewhere)
    (folder / TRUST_FILE).symlink_to(elsewhere)
    with pytest.raises(SigningError, match="cannot be read"):
        keys.trust()
    (folder / TRUST_FILE).unlink()
    (folder / TRUST_FILE).write_bytes(b" " * (MAX_TRUST_BYTES + 1))
    with pytest.raises(SigningError, match="at most"):
        keys.trust()
    (folder / ".lock").unlink()
    (folder / ".lock").symlink_to(elsewhere)
    with pytest.raises(SigningError, match="cannot be written"):
        keys.create("other", NOW)


def test_what_could_be_two_keys_is_asked_back(keys: KeyFolder) -> None:
    one, other = keys.create("one", NOW), keys.create("other", NOW)
    twin = other.model_copy(update={"id": one.id[:10] + other.id[10:]})
    trust = Trust(keys=(one, twin))
    assert trust.find(one.id) == one and trust.find("other") == twin
    with pytest.raises(InputError, match="could be any"):
        trust.find(one.id[:8])
    named = other.model_copy(update={"name": one.id[:8]})
    with pytest.raises(InputError, match="could be any"):
        Trust(keys=(one, named)).find(one.id[:8])
