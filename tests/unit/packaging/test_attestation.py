"""Signed capsules: checked in another folder with public keys alone; whatever is changed is refused."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from capsule_samples import ANSWERS, sample_manifest, sample_tree

from qlayer.errors import SignatureRefused
from qlayer.packaging.attestation import ENVELOPES_FOLDER, Attestations
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.folder import MANIFEST_PATH
from qlayer.packaging.offline import verify_folder
from qlayer.packaging.sbom import SBOM_PATH
from qlayer.signing.key_file import KeyFolder
from qlayer.store.fake import FakeBlobs, FakeRecords, FakeReleases
from qlayer.types.ids import CapsuleId
from qlayer.types.signature import Trust

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TREE = sample_tree()
MANIFEST = sample_manifest(TREE)


class World:
    """A store with one capsule, and keys."""

    def __init__(self, folder: Path) -> None:
        self.blobs = FakeBlobs()
        self.capsules = Capsules(self.blobs, FakeRecords())
        self.releases = FakeReleases()
        self.attestations = Attestations(self.capsules, self.blobs, self.releases)
        self.keys = KeyFolder(folder)

    async def packed(self) -> CapsuleId:
        for answer in ANSWERS.values():
            await self.blobs.put(answer)
        return await self.capsules.pack(MANIFEST, TREE)

    async def signed(self, *names: str) -> CapsuleId:
        capsule = await self.packed()
        for name in names:
            self.keys.create(name, NOW)
            await self.attestations.sign(capsule, self.keys.signer(name), NOW)
        return capsule

    async def exported(self, folder: Path, *names: str) -> Path:
        capsule = await self.signed(*names)
        sidecars = await self.attestations.sidecars(capsule)
        return (await self.capsules.export(capsule, folder, sidecars=sidecars)).path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "keys")


@pytest.fixture
def exported(world: World, tmp_path: Path) -> Callable[..., Awaitable[Path]]:
    return lambda *names: world.exported(tmp_path / "out", *names)


def failed(folder: Path, trust: Trust, *, signed: bool = True) -> list[str]:
    return [step.name for step in verify_folder(folder, trust=trust, signed=signed).steps if not step.ok]


async def test_a_signed_capsule_is_checked_with_the_public_key_alone(
    world: World, exported: Callable[..., Awaitable[Path]]
) -> None:
    folder = await exported("release")
    result = verify_folder(folder, trust=world.keys.trust(), signed=True)
    assert result.ok
    assert result.steps[-1].name == "signature" and "release" in result.steps[-1].detail
    assert failed(folder, Trust()) == ["signature"]


async def test_a_capsule_that_nobody_signed_says_so(exported: Callable[..., Awaitable[Path]]) -> None:
    folder = await exported()
    result = verify_folder(folder)
    assert result.ok and "nobody signed" in result.steps[-1].detail
    assert failed(folder, Trust()) == ["signature"]


async def test_one_trusted_signature_of_several_is_enough_until_it_is_revoked(
    world: World, exported: Callable[..., Awaitable[Path]]
) -> None:
    folder = await exported("release", "auditor")
    assert len(list((folder / ENVELOPES_FOLDER).iterdir())) == 2
    world.keys.revoke("release", NOW, "the laptop was lost")
    assert failed(folder, world.keys.trust()) == []
    world.keys.revoke("auditor", NOW, "left the company")
    (step,) = (s for s in verify_folder(folder, trust=world.keys.trust()).steps if not s.ok)
    assert "the laptop was lost" in step.detail and "left the company" in step.detail


async def test_signing_twice_is_once(world: World) -> None:
    capsule = await world.signed("release")
    first = await world.attestations.sign(capsule, world.keys.signer("release"), NOW)
    assert await world.attestations.sign(capsule, world.keys.signer("release"), NOW) == first
    assert len(await world.attestations.sidecars(capsule)) == 2


async def test_what_does_not_verify_is_not_signed(world: World) -> None:
    capsule = await world.packed()
    await world.blobs.delete(MANIFEST.files["src/add.py"])
    world.keys.create("release", NOW)
    with pytest.raises(SignatureRefused, match=r"missing: src/add\.py"):
        await world.attestations.sign(capsule, world.keys.signer("release"), NOW)
    assert await world.attestations.sidecars(capsule) == {}


async def test_a_stored_capsule_is_checked_with_its_signatures(world: World) -> None:
    capsule = await world.signed("release")
    trust = world.keys.trust()
    assert (await world.attestations.verify(capsule, trust, signed=True)).ok
    assert not (await world.attestations.verify(capsule, Trust())).ok
    (kept,) = await world.releases.attestations(capsule)
    await world.blobs.delete(kept.envelope)
    damaged = await world.attestations.verify(capsule, trust)
    assert [step.name for step in damaged.steps if not step.ok] == ["signature"]


async def test_a_signature_over_another_capsule_makes_nobody_a_signer(world: World) -> None:
    capsule = await world.signed("release")
    (kept,) = await world.releases.attestations(capsule)
    tree = sample_tree({"src/add.py": b"def add(a, b):\n    return 0  # stolen\n"})
    other = await world.capsules.pack(sample_manifest(tree), tree)
    await world.releases.attest(kept.model_copy(update={"capsule": other}))
    trust = world.keys.trust()
    assert [one.name for one in await world.attestations.signers(capsule, trust)] == ["release"]
    assert await world.attestations.signers(other, trust) == ()


def everything(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def test_every_flipped_byte_of_every_file_is_refused(
    world: World, exported: Callable[..., Awaitable[Path]]
) -> None:
    """Tree, manifest, bill of materials, envelope, signature and key id: no byte is left out of it."""
    folder = await exported("release")
    trust = world.keys.trust()
    assert failed(folder, trust) == []
    for path in everything(folder):
        data = path.read_bytes()
        for at in range(0, len(data), max(1, len(data) // 40)):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert failed(folder, trust), (path, at)
        path.write_bytes(data)
    assert failed(folder, trust) == []


async def test_every_lost_added_and_swapped_file_is_refused(
    world: World, exported: Callable[..., Awaitable[Path]]
) -> None:
    folder = await exported("release")
    trust = world.keys.trust()
    for path in everything(folder):
        data = path.read_bytes()
        path.unlink()
        assert failed(folder, trust), f"{path} lost"
        path.write_bytes(data)
    for extra in ("src/more.py", ".qlayer/notes.txt", f"{ENVELOPES_FOLDER}/0.dsse.json", ".qlayer/a/b.json"):
        (folder / extra).parent.mkdir(exist_ok=True)
        (folder / extra).write_bytes(b"{}")
        assert failed(folder, trust), f"{extra} added"
        (folder / extra).unlink()


async def test_a_signature_cannot_be_moved_to_another_capsule(
    world: World, exported: Callable[..., Awaitable[Path]], tmp_path: Path
) -> None:
    """Everything below the signature is made anew and consistent; only the signature is another capsule's."""
    folder = await exported("release")
    envelopes = {p.name: p.read_bytes() for p in (folder / ENVELOPES_FOLDER).iterdir()}
    tree = sample_tree({"src/add.py": b"def add(a, b):\n    return 0  # stolen\n"})
    other = sample_manifest(tree)
    await world.capsules.pack(other, tree)
    stolen = (await world.capsules.export(other.id, tmp_path / "stolen")).path
    assert failed(stolen, Trust(), signed=False) == []
    (stolen / ENVELOPES_FOLDER).mkdir()
    for name, data in envelopes.items():
        (stolen / ENVELOPES_FOLDER / name).write_bytes(data)
    (stolen / SBOM_PATH).write_bytes((folder / SBOM_PATH).read_bytes())
    assert failed(stolen, world.keys.trust()) == ["provenance"]
    assert json.loads((stolen / MANIFEST_PATH).read_bytes())["title"] == MANIFEST.title
