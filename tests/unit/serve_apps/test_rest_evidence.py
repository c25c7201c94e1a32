"""A capsule's evidence over HTTP: bill of materials, provenance with its signatures, release policy."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from rest_world import Client, World
from test_rest_capsules import packed

from qlayer.packaging.oci import read_layout
from qlayer.signing.key_file import KeyFolder
from qlayer.types.ids import CapsuleId


async def signed(world: World, capsule: CapsuleId) -> None:
    folder = KeyFolder(world.platform.settings.keys_dir)
    folder.create("release", datetime.now(UTC))
    await world.platform.attestations.sign(capsule, folder.signer("release"), datetime.now(UTC))


async def test_the_bill_of_materials_names_every_file(world: World, client: Client) -> None:
    capsule = await packed(world)
    async with client() as http:
        answer = await http.get(f"/capsules/{capsule[:19]}/sbom")
    assert answer.headers["content-type"] == "application/vnd.cyclonedx+json"
    bill = answer.json()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    files = {part["name"] for part in bill["metadata"]["component"]["components"]}
    assert {"src/m.py", "web/page.html", "logo.bin"} <= files


async def test_provenance_comes_with_every_signature_over_it(world: World, client: Client) -> None:
    capsule = await packed(world)
    async with client() as http:
        before = (await http.get(f"/capsules/{capsule}/provenance")).json()
        await signed(world, capsule)
        after = (await http.get(f"/capsules/{capsule}/provenance")).json()
    assert (before["envelopes"], before["signers"]) == ([], [])
    assert after["statement"] == before["statement"]
    assert after["statement"]["predicateType"] == "https://slsa.dev/provenance/v1"
    [envelope] = after["envelopes"]
    assert json.loads(base64.b64decode(envelope["payload"])) == after["statement"]
    assert [(one["name"], one["state"]) for one in after["signers"]] == [("release", "active")]


async def test_verify_counts_signatures_by_the_servers_keys(world: World, client: Client) -> None:
    capsule = await packed(world)
    async with client() as http:
        lenient = (await http.get(f"/capsules/{capsule}/verify")).json()
        strict = (await http.get(f"/capsules/{capsule}/verify?signed=true")).json()
        await signed(world, capsule)
        by_us = (await http.get(f"/capsules/{capsule}/verify?signed=true")).json()
    assert [all(step["ok"] for step in one["steps"]) for one in (lenient, strict, by_us)] == [
        True,
        False,
        True,
    ]
    assert "release" in by_us["steps"][-1]["detail"]


async def test_an_image_comes_as_a_layout_with_its_evidence(
    world: World, client: Client, tmp_path: Path
) -> None:
    capsule = await packed(world)
    await signed(world, capsule)
    async with client() as http:
        first = await http.get(f"/capsules/{capsule}/image")
        again = await http.get(f"/capsules/{capsule}/image")
    assert first.content == again.content and first.headers["etag"] == again.headers["etag"]
    with tarfile.open(fileobj=io.BytesIO(first.content)) as tar:
        tar.extractall(tmp_path / "layout", filter="data")
    image = read_layout(tmp_path / "layout")
    assert f'"{image.digest}"' == first.headers["etag"]
    index = json.loads((tmp_path / "layout" / "index.json").read_bytes())
    assert len(index["manifests"]) == 3, "the image, the bill of materials and one signature"


async def test_a_policy_says_why_not(world: World, client: Client) -> None:
    capsule = await packed(world)
    async with client() as http:
        denied = (await http.post("/policy/explain", json={"capsule": capsule})).json()
        unknown = await http.post("/policy/explain", json={"capsule": "abcdef"})
        wrong = await http.post("/policy/explain", json={"capsule": "../etc"})
    assert denied["environment"] == "production" and denied["allow"] is False
    assert any("scan" in reason for reason in denied["reasons"])
    assert (unknown.status_code, wrong.status_code) == (404, 422)
    assert wrong.json()["errors"][0]["field"] == "capsule"
