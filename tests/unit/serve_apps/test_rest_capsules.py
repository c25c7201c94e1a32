"""Capsules over HTTP: listed, shown, verified, downloaded; never a page of this server."""

from __future__ import annotations

import io
import tarfile
import zipfile
from datetime import UTC, datetime

import pytest
from rest_world import FAKE_MODEL, Client, World, new_id

from qlayer.generation.intake import parse_spec
from qlayer.generation.templates import TEMPLATES
from qlayer.types.capsule import CapsuleManifest, ModelCard
from qlayer.types.check import Decision, Level
from qlayer.types.ids import CapsuleId
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec
from qlayer.types.usage import Budget, TokenUsage

TREE = SourceTree(
    files={
        "src/m.py": b"def f(): return 1\n",
        "web/page.html": b"<script>alert(1)</script>",
        "logo.bin": b"\xff\x00",
    }
)


async def packed(world: World, title: str = "adds numbers") -> CapsuleId:
    spec = Spec(title=title, description="a function")
    manifest = CapsuleManifest(
        title=title,
        run_id=new_id(),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        qlayer_version="0",
        template="function",
        template_reason="it fits",
        spec=spec,
        spec_digest=spec.digest,
        tree=TREE.digest,
        files=TREE.entries(),
        model=ModelCard(id=FAKE_MODEL, revision="1", licence="Apache-2.0"),
        attempts=(),
        checks=(),
        decision=Decision(level=Level.V0, allow=False, reasons=("nothing was asked",)),
        stop_reasons={},
        budget=Budget(),
        usage=TokenUsage(),
        seconds=1.0,
    )
    return await world.capsules.pack(manifest, TREE)


async def test_capsules_are_listed_and_shown_by_a_prefix(world: World, client: Client) -> None:
    ids = [await packed(world, title) for title in ("one", "two", "three")]
    async with client() as http:
        first = (await http.get("/capsules", params={"limit": 2})).json()
        rest = (await http.get("/capsules", params={"limit": 2, "before": first["next"]})).json()
        shown = (await http.get(f"/capsules/{ids[0].removeprefix('sha256:')[:12]}")).json()
    assert [row["id"] for row in (*first["capsules"], *rest["capsules"])] == list(reversed(ids))
    assert rest["next"] is None
    assert (shown["id"], shown["manifest"]["title"]) == (ids[0], "one")


async def test_a_file_is_data_and_never_a_page(world: World, client: Client) -> None:
    capsule = await packed(world)
    async with client() as http:
        page = await http.get(f"/capsules/{capsule}/files/web/page.html")
        binary = await http.get(f"/capsules/{capsule}/files/logo.bin")
    assert page.content == TREE.files["web/page.html"]
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in page.headers["content-security-policy"]
    assert page.headers["etag"] == f'"{TREE.entries()["web/page.html"]}"'
    assert (binary.content, binary.headers["content-type"]) == (b"\xff\x00", "application/octet-stream")


@pytest.mark.parametrize("path", ["none.py", "src", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "src%00m.py"])
async def test_a_path_that_is_not_in_the_capsule_is_404(world: World, client: Client, path: str) -> None:
    capsule = await packed(world)
    async with client() as http:
        answer = await http.get(f"/capsules/{capsule}/files/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_an_archive_holds_every_file_and_is_reproducible(
    world: World, client: Client, form: str
) -> None:
    capsule = await packed(world)
    async with client() as http:
        first = await http.get(f"/capsules/{capsule}/archive", params={"format": form})
        again = await http.get(f"/capsules/{capsule}/archive", params={"format": form})
    folder = f"capsule-{capsule.removeprefix('sha256:')[:12]}"
    assert first.content == again.content
    assert f'filename="{folder}.{form}"' in first.headers["content-disposition"]
    assert _unpacked(form, first.content) == {f"{folder}/{path}": data for path, data in TREE.files.items()}


async def test_an_unknown_archive_format_is_refused(world: World, client: Client) -> None:
    capsule = await packed(world)
    async with client() as http:
        answer = await http.get(f"/capsules/{capsule}/archive", params={"format": "rar"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.format"


async def test_damage_is_a_failed_step_of_the_verification(world: World, client: Client) -> None:
    capsule = await packed(world)
    async with client() as http:
        before = (await http.get(f"/capsules/{capsule}/verify")).json()
        world.blobs.content[TREE.entries()["src/m.py"]] = b"tampered"
        after = await http.get(f"/capsules/{capsule}/verify")
        read = await http.get(f"/capsules/{capsule}/files/src/m.py")
    assert all(step["ok"] for step in before["steps"])
    assert after.status_code == 200
    assert any("src/m.py" in step["detail"] for step in after.json()["steps"] if not step["ok"])
    assert read.status_code == 500
    assert b"tampered" not in read.content


def _unpacked(form: str, content: bytes) -> dict[str, bytes]:
    if form == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def double(body: str) -> str:
    return f"def double(n: int) -> int:\n    return {body}\n"


async def a_function(world: World) -> CapsuleId:
    """A capsule of the function template whose slot still has the skeleton's body."""
    spec = parse_spec("def double(n: int) -> int\n\nTwice.\n\ndouble(2) == 4\n")
    skeleton = TEMPLATES["function"].instantiate(spec)
    before, _ = await world.capsules.load(await packed(world))
    changed = {"spec": spec, "spec_digest": spec.digest, "tree": skeleton.tree.digest}
    manifest = before.model_copy(update={**changed, "files": skeleton.tree.entries()})
    return await world.capsules.pack(manifest, skeleton.tree)


async def test_a_correction_makes_a_new_capsule_that_is_remembered(world: World, client: Client) -> None:
    capsule = await a_function(world)
    async with client() as http:
        answer = await http.post(
            f"/capsules/{capsule}/edit", json={"code": double("n * 2"), "who": "ada", "slot": "double"}
        )
        assert answer.status_code == 201, answer.text
        result = answer.json()
        shown = (await http.get(f"/capsules/{result['capsule']}")).json()["manifest"]
    assert answer.headers["location"] == f"/capsules/{result['capsule']}"
    assert result["parent"] == capsule and result["capsule"] != capsule
    assert (shown["edits"][0]["parent"], shown["edits"][0]["who"]) == (capsule, "ada")
    (correction,) = await world.platform.memories.corrections()
    assert (correction.id, correction.right) == (result["correction"], double("n * 2"))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"code": "def double(n:", "who": "ada"}, "code"),
        ({"code": double("n"), "who": "ada", "slot": "other"}, "slot"),
        ({"code": double("n")}, "who"),
    ],
)
async def test_a_correction_that_cannot_be_made_is_refused(
    world: World, client: Client, body: dict[str, str], field: str
) -> None:
    capsule = await a_function(world)
    async with client() as http:
        answer = await http.post(f"/capsules/{capsule}/edit", json=body)
    assert answer.status_code == 422 and field in answer.text
    assert await world.platform.memories.corrections() == ()


async def test_a_capsule_is_accepted_once(world: World, client: Client) -> None:
    capsule = await a_function(world)
    async with client() as http:
        answer = await http.post(f"/capsules/{capsule}/accept", json={"who": "ada", "note": "fine"})
        assert answer.status_code == 201, answer.text
        accepted = answer.json()["capsule"]
        shown = (await http.get(f"/capsules/{accepted}")).json()["manifest"]
        again = await http.post(f"/capsules/{accepted}/accept", json={"who": "bob"})
        nobody = await http.post(f"/capsules/{capsule}/accept", json={"note": "fine"})
    assert answer.headers["location"] == f"/capsules/{accepted}"
    assert (shown["decision"]["level"], shown["acceptance"]["who"]) == ("V5", "ada")
    assert again.status_code == 409 and "ada accepted" in again.text
    assert nobody.status_code == 422
