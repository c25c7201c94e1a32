"""Capsules in a store: packed, loaded, killed half-way, exported, verified, compared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from capsule_samples import ALLOWED, ANSWERS, PASSED, check, sample_manifest, sample_tree

from qlayer.errors import CorruptBlob, InputError, NotFoundError, StoreFull
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.diff import Change
from qlayer.packaging.offline import verify_folder
from qlayer.packaging.verification import Verification
from qlayer.store.fake import FakeBlobs, FakeRecords
from qlayer.types.capsule import CapsuleManifest
from qlayer.types.check import CheckResult, Decision, Level
from qlayer.types.ids import CapsuleId, Digest, canonical_json, sha256
from qlayer.types.source import SourceTree

TREE = sample_tree()
ABSENT = CapsuleId(sha256(b"absent"))


@pytest.fixture
def blobs() -> FakeBlobs:
    return FakeBlobs()


@pytest.fixture
def records() -> FakeRecords:
    return FakeRecords()


@pytest.fixture
def capsules(blobs: FakeBlobs, records: FakeRecords) -> Capsules:
    return Capsules(blobs, records)


@pytest.fixture
async def packed(capsules: Capsules, blobs: FakeBlobs) -> CapsuleId:
    for answer in ANSWERS.values():
        await blobs.put(answer)
    return await capsules.pack(sample_manifest(TREE), TREE)


def failed(result: Verification) -> list[str]:
    return [step.name for step in result.steps if not step.ok]


async def test_what_was_packed_is_loaded_and_listed(
    capsules: Capsules, records: FakeRecords, packed: CapsuleId
) -> None:
    manifest, tree = await capsules.load(packed)
    assert (manifest.id, tree) == (packed, TREE)
    row = await records.find_capsule(packed[7:15])
    assert (row.id, row.title, row.level, row.allow) == (packed, "Add two numbers", "V2", True)
    assert (row.run_id, row.created_at, row.model) == (
        manifest.run_id,
        manifest.created_at,
        manifest.model.id,
    )


async def test_packing_again_changes_nothing(
    capsules: Capsules, blobs: FakeBlobs, records: FakeRecords, packed: CapsuleId
) -> None:
    before = dict(blobs.content)
    assert await capsules.pack(sample_manifest(TREE), TREE) == packed
    assert blobs.content == before
    assert len(await records.capsules()) == 1


async def test_a_capsule_cut_off_anywhere_is_whole_or_not_listed(records: FakeRecords) -> None:
    manifest = sample_manifest(TREE)
    needed = len(TREE.files) + 1
    for survives in range(needed + 1):
        blobs, records = _ShortBlobs(survives), FakeRecords()
        capsules = Capsules(blobs, records)
        if survives < needed:
            with pytest.raises(StoreFull):
                await capsules.pack(manifest, TREE)
            assert await records.capsules() == ()
            with pytest.raises(NotFoundError):
                await capsules.load(manifest.id)
            blobs.left = needed
        assert await capsules.pack(manifest, TREE) == manifest.id
        assert await capsules.load(manifest.id) == (manifest, TREE)


class _ShortBlobs(FakeBlobs):
    """Has room for so many more blobs."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    async def put(self, data: bytes) -> Digest:
        if self.left == 0:
            raise StoreFull("no space left")
        self.left -= 1
        return await super().put(data)


async def test_a_manifest_of_another_tree_is_refused(capsules: Capsules, blobs: FakeBlobs) -> None:
    with pytest.raises(InputError) as raised:
        await capsules.pack(sample_manifest(TREE), sample_tree({"other.py": b""}))
    assert raised.value.field == "manifest"
    assert blobs.content == {}


async def test_a_tree_may_not_bring_its_own_manifest(capsules: Capsules) -> None:
    tree = TREE.with_files({".qlayer/manifest.json": "{}"})
    with pytest.raises(InputError, match="platform's own"):
        await capsules.pack(sample_manifest(tree), tree)


async def test_an_unknown_capsule_is_not_found(capsules: Capsules, packed: CapsuleId, tmp_path: Path) -> None:
    calls = (
        capsules.load(ABSENT),
        capsules.verify(ABSENT),
        capsules.export(ABSENT, tmp_path / "out"),
        capsules.diff(packed, ABSENT),
    )
    for call in calls:
        with pytest.raises(NotFoundError) as raised:
            await call
        assert raised.value.kind == "capsule"


async def test_a_sound_capsule_passes_every_step(capsules: Capsules, packed: CapsuleId) -> None:
    result = await capsules.verify(packed)
    assert result.ok, result
    assert result.capsule == packed
    assert [step.number for step in result.steps] == list(range(1, 8))
    names = [step.name for step in result.steps]
    assert names == ["manifest", "files", "tree", "spec", "level", "decision", "completions"]


async def test_damage_is_found_where_it_is(capsules: Capsules, blobs: FakeBlobs, packed: CapsuleId) -> None:
    files, answers = TREE.entries(), [sha256(answer) for answer in ANSWERS.values()]
    intact = dict(blobs.content)
    damages: list[tuple[str, Digest, bytes | None]] = [
        ("manifest", Digest(packed), b"{}"),
        ("files", files["src/add.py"], b"changed"),
        ("files", files["README.md"], None),
        ("completions", answers[0], None),
        ("completions", answers[1], b"changed"),
    ]
    for step, digest, data in damages:
        blobs.content.clear()
        blobs.content.update(intact)
        if data is None:
            del blobs.content[digest]
        else:
            blobs.content[digest] = data
        assert failed(await capsules.verify(packed)) == [step]


async def test_bytes_that_are_no_manifest_are_named(capsules: Capsules, blobs: FakeBlobs) -> None:
    digest = CapsuleId(await blobs.put(b'{"title": "not a manifest"}'))
    assert failed(await capsules.verify(digest)) == ["manifest"]
    with pytest.raises(CorruptBlob, match="not a capsule's manifest"):
        await capsules.load(digest)


async def test_a_manifest_in_another_form_is_refused(capsules: Capsules, blobs: FakeBlobs) -> None:
    spaced = b" " + canonical_json(sample_manifest(TREE))
    digest = CapsuleId(await blobs.put(spaced))
    assert failed(await capsules.verify(digest)) == ["manifest"]


def _decision(level: Level | None, *, allow: bool, reasons: tuple[str, ...] = ("because",)) -> Decision:
    return Decision(level=level, allow=allow, reasons=reasons)


@pytest.mark.parametrize(
    ("checks", "decision", "wrong"),
    [
        (PASSED, ALLOWED, []),
        ((), _decision(None, allow=False), []),
        ((check("boot", ok=False),), _decision(Level.V0, allow=False), []),
        ((check("boot"),), _decision(Level.V1, allow=False), []),
        ((check("boot"), check("examples", ok=False, passed=1)), _decision(Level.V1, allow=False), []),
        ((*PASSED, check("soft", ok=False, passed=0, trusted=False)), ALLOWED, []),
        ((), ALLOWED, ["level"]),
        ((check("examples"),), ALLOWED, ["level"]),
        ((check("boot"),), ALLOWED, ["level"]),
        ((check("boot"), check("smoke")), ALLOWED, ["level"]),
        ((check("boot"), check("examples", trusted=False)), ALLOWED, ["level"]),
        ((check("boot"), check("examples", total=0, passed=0)), ALLOWED, ["level"]),
        ((check("boot"), check("examples", passed=1)), ALLOWED, ["level"]),
        ((check("boot", ok=False), check("examples")), _decision(Level.V1, allow=False), ["level"]),
        ((*PASSED, check("more", ok=False, passed=1)), ALLOWED, ["level", "decision"]),
        (PASSED, _decision(Level.V1, allow=True), ["decision"]),
        (PASSED, _decision(Level.V2, allow=True, reasons=()), ["decision"]),
    ],
)
async def test_a_claim_beyond_the_evidence_is_found(
    capsules: Capsules,
    blobs: FakeBlobs,
    checks: tuple[CheckResult, ...],
    decision: Decision,
    wrong: list[str],
    tmp_path: Path,
) -> None:
    for answer in ANSWERS.values():
        await blobs.put(answer)
    capsule = await capsules.pack(sample_manifest(TREE, checks=checks, decision=decision), TREE)
    assert failed(await capsules.verify(capsule)) == wrong
    await capsules.export(capsule, tmp_path / "out")
    assert failed(verify_folder(tmp_path / "out")) == wrong


async def _store_as_is(blobs: FakeBlobs, manifest: CapsuleManifest, tree: SourceTree) -> CapsuleId:
    for data in (*tree.files.values(), *ANSWERS.values()):
        await blobs.put(data)
    return CapsuleId(await blobs.put(canonical_json(manifest)))


async def test_digests_inside_the_manifest_are_recomputed(capsules: Capsules, blobs: FakeBlobs) -> None:
    for field, step in (("spec_digest", "spec"), ("tree", "tree")):
        manifest = sample_manifest(TREE).model_copy(update={field: sha256(b"other")})
        assert failed(await capsules.verify(await _store_as_is(blobs, manifest, TREE))) == [step]


async def test_a_tree_that_does_not_match_is_not_loaded(capsules: Capsules, blobs: FakeBlobs) -> None:
    manifest = sample_manifest(TREE).model_copy(update={"tree": sha256(b"other")})
    capsule = await _store_as_is(blobs, manifest, TREE)
    with pytest.raises(CorruptBlob, match="another tree"):
        await capsules.load(capsule)


async def test_the_difference_of_two_capsules(capsules: Capsules, packed: CapsuleId) -> None:
    tree = TREE.without("README.md").with_files(
        {"src/add.py": "def add(a, b):\n    return b + a\n", "src/new.py": "x = 1\n", "src/data.bin": b"\xff"}
    )
    lower = _decision(Level.V1, allow=False)
    other = await capsules.pack(sample_manifest(tree, checks=(check("boot"),), decision=lower), tree)
    diff = await capsules.diff(packed, other)
    assert (diff.before, diff.after) == (packed, other)
    by_path = {change.path: change for change in diff.files}
    assert {path: change.change for path, change in by_path.items()} == {
        "README.md": Change.REMOVED,
        "src/add.py": Change.CHANGED,
        "src/data.bin": Change.CHANGED,
        "src/new.py": Change.ADDED,
    }
    assert by_path["src/add.py"].diff == (
        "--- a/src/add.py\n+++ b/src/add.py\n@@ -1,2 +1,2 @@\n"
        " def add(a, b):\n-    return a + b\n+    return b + a"
    )
    assert by_path["src/data.bin"].diff is None
    assert str(by_path["src/new.py"].diff).startswith("--- /dev/null\n+++ b/src/new.py\n")
    evidence = {change.name: (change.before, change.after) for change in diff.evidence}
    assert evidence["level"] == ("V2", "V1")
    assert evidence["allowed"] == ("yes", "no")
    assert evidence["check examples"] == ("ACCEPTED 2/2", "none")
    assert "model" not in evidence


async def test_a_capsule_does_not_differ_from_itself(capsules: Capsules, packed: CapsuleId) -> None:
    diff = await capsules.diff(packed, packed)
    assert (diff.files, diff.evidence) == ((), ())


async def test_a_last_line_without_newline_differs(capsules: Capsules) -> None:
    ends = [sample_tree({"a.txt": b"one\ntwo\n"}), sample_tree({"a.txt": b"one\ntwo"})]
    with_newline, without = [await capsules.pack(sample_manifest(tree), tree) for tree in ends]
    (change,) = (await capsules.diff(with_newline, without)).files
    assert change.diff == (
        "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+two\n\\ No newline at end of file"
    )


def test_a_verification_without_steps_is_not_ok() -> None:
    assert not Verification(capsule=None, steps=()).ok


async def test_many_files(capsules: Capsules) -> None:
    tree = sample_tree({f"src/f{number}.py": os.urandom(8) for number in range(50)})
    capsule = await capsules.pack(sample_manifest(tree), tree)
    assert (await capsules.load(capsule))[1] == tree
