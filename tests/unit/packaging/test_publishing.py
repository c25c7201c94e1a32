"""Publishing: versions in one line, notes that say what changed, rolling back, and being killed half-way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from capsule_samples import sample_manifest, sample_tree

from qlayer.errors import ConflictError, InputError, NotFoundError, PolicyDenied
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.publishing import Gate, Publishing
from qlayer.store.fake import FakeBlobs, FakeRecords, FakeReleases
from qlayer.types.ids import CapsuleId, sha256
from qlayer.types.policy import PolicyDecision
from qlayer.types.release import CURRENT, PointerMove

ADD = "def add(a, b):\n    return a + b\n"


class World:
    def __init__(self) -> None:
        self.releases = FakeReleases()
        self.capsules = Capsules(FakeBlobs(), FakeRecords())
        self.publishing = Publishing(self.capsules, self.releases, lambda: datetime(2026, 1, 2, tzinfo=UTC))

    async def capsule(self, code: str) -> CapsuleId:
        tree = sample_tree({"src/add.py": code.encode()})
        return await self.capsules.pack(sample_manifest(tree), tree)

    async def published(self, *codes: str) -> list[str]:
        versions = []
        for code in codes:
            release = await self.publishing.publish(await self.capsule(code), "books", "ada")
            versions.append(release.version)
        return versions


@pytest.fixture
def world() -> World:
    return World()


async def test_versions_follow_what_changed_and_the_newest_is_in_use(world: World) -> None:
    broken = ADD.replace("a, b", "a")
    versions = await world.published(ADD, ADD + "\n\ndef sub(a, b): ...\n", broken)
    assert versions == ["0.1.0", "0.1.1", "0.2.0"]
    known = await world.publishing.published("books")
    assert known.current.version == "0.2.0"
    assert "add.sub" in known.releases[0].notes and "Files: 1 changed." in known.releases[0].notes


async def test_publishing_the_same_capsule_again_changes_nothing(world: World) -> None:
    assert await world.published(ADD, ADD) == ["0.1.0", "0.1.0"]
    assert len((await world.publishing.published("books")).moves) == 1


async def test_killed_before_the_pointer_moved_publishing_again_moves_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.published(ADD)

    async def killed(move: PointerMove) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(world.releases, "point", killed)
        with pytest.raises(KeyboardInterrupt):
            await world.published(ADD + "# more\n")
    assert (await world.publishing.published("books")).current.version == "0.1.0"
    assert await world.published(ADD + "# more\n") == ["0.1.1"]
    known = await world.publishing.published("books")
    assert known.current.version == "0.1.1" and len(known.releases) == 2


async def test_rolling_back_keeps_everything_and_says_why(world: World) -> None:
    await world.published(ADD, ADD + "# one\n", ADD + "# two\n")
    assert (await world.publishing.roll_back("books", "bob", "0.1.2 loses orders")).version == "0.1.1"
    assert (await world.publishing.roll_back("books", "bob", "so does 0.1.1")).version == "0.1.0"
    with pytest.raises(NotFoundError, match=r"no version of books before 0\.1\.0"):
        await world.publishing.roll_back("books", "bob", "further")
    assert (await world.publishing.roll_back("books", "bob", "mended", to="0.1.2")).version == "0.1.2"
    known = await world.publishing.published("books")
    assert len(known.releases) == 3
    assert [move.reason for move in known.moves][:3] == ["mended", "so does 0.1.1", "0.1.2 loses orders"]
    assert await world.published(ADD + "# three\n") == ["0.1.3"]


async def test_names_versions_and_tags_are_found(world: World) -> None:
    await world.published(ADD, ADD + "# one\n")
    await world.publishing.tag("books", "stable", "0.1.0", "ada")
    found = [
        (await world.publishing.find(f"books{at}")).version for at in ("", "@0.1.0", "@stable", f"@{CURRENT}")
    ]
    assert found == ["0.1.1", "0.1.0", "0.1.0", "0.1.1"]
    for absent in ("other", "books@9.9.9", "books@unstable"):
        with pytest.raises(NotFoundError):
            await world.publishing.find(absent)


@pytest.mark.parametrize(
    "change",
    [
        lambda world, capsule: world.publishing.publish(capsule, "Books", "ada"),
        lambda world, capsule: world.publishing.publish(capsule, "", "ada"),
        lambda world, capsule: world.publishing.publish(capsule, "books-", "ada"),
        lambda world, capsule: world.publishing.publish(capsule, "books", "ada", version="0.0.9"),
        lambda world, capsule: world.publishing.publish(capsule, "books", "ada", version="next"),
        lambda world, capsule: world.publishing.tag("books", "0.1.0", "0.1.0", "ada"),
    ],
)
async def test_bad_names_and_versions_are_refused(world: World, change: Callable[..., object]) -> None:
    await world.published(ADD)
    with pytest.raises(InputError):
        await change(world, await world.capsule(ADD + "# new\n"))  # type: ignore[misc]
    assert len((await world.publishing.published("books")).releases) == 1


async def test_an_unchanged_project_gets_no_version_of_its_own(world: World) -> None:
    await world.published(ADD)
    tree = sample_tree({"src/add.py": ADD.encode()})
    other = sample_manifest(tree).model_copy(update={"title": "The same files, another run"})
    capsule = await world.capsules.pack(other, tree)
    with pytest.raises(ConflictError, match="nothing changed"):
        await world.publishing.publish(capsule, "books", "ada")


async def test_a_tag_named_after_an_environment_moves_when_the_policy_allows_it(world: World) -> None:
    versions = await world.published(ADD, ADD.replace("add", "plus"))
    refused = (await world.publishing.find(f"books@{versions[0]}")).capsule

    async def decide(capsule: CapsuleId, environment: str) -> PolicyDecision:
        reasons = ("it was not scanned",) if capsule == refused else ()
        return PolicyDecision(
            environment=environment, capsule=capsule, allow=not reasons, reasons=reasons, policy=sha256(b"")
        )

    gated = Publishing(
        world.capsules, world.releases, lambda: datetime(2026, 1, 2, tzinfo=UTC), Gate(("live",), decide)
    )
    with pytest.raises(PolicyDenied, match="not allowed for live: it was not scanned"):
        await gated.tag("books", "live", versions[0], "ada")
    assert "live" not in (await gated.published("books")).pointers
    await gated.tag("books", "live", versions[1], "ada")
    await gated.tag("books", "stable", versions[0], "ada")
    moves = {move.pointer: move for move in await world.releases.moves("books")}
    assert moves["live"].decision is not None and moves["live"].decision.allow
    assert moves["stable"].decision is None and "decision" not in moves["stable"].model_dump_json()
    with pytest.raises(NotFoundError):
        await gated.tag("books", "live", "9.9.9", "ada")
