"""Images on a real registry and under a real docker: pushed, attached to, pulled by digest, run."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from docker_daemon import docker_host
from image_samples import MANIFEST, TREE, sample_image
from store_servers import free_ports, running

from qlayer.errors import StoreError
from qlayer.packaging.oci import LAYER_TYPE, Image, Start, artifact, build_image, write_layout
from qlayer.packaging.provenance import PAYLOAD_TYPE
from qlayer.packaging.reference import Reference
from qlayer.packaging.registry import Registry
from qlayer.sandbox.container import image as host_image
from qlayer.types.ids import canonical_json, sha256

pytestmark = pytest.mark.server

CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{level: error}}
"""


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """Its address; Debian's registry 2.8 has no referrers API, so the fallback is what is tested."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("no docker-registry: install the package docker-registry")
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="qlayer-registry-") as name:
        config = Path(name) / "config.yml"
        config.write_text(CONFIG.format(folder=f"{name}/data", port=port))

        def ready() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{port}/v2/").status_code == 200
            except httpx.HTTPError:
                return False

        with running([program, "serve", str(config)], Path(name), ready, stop=signal.SIGTERM):
            yield f"127.0.0.1:{port}"


def reference(registry: str, name: str) -> Reference:
    return Reference.parse(f"{registry}/tests/{name}:1.0")


async def test_what_is_pushed_is_pulled_by_digest_with_what_is_attached(registry: str) -> None:
    image = sample_image()
    signed = artifact(image, PAYLOAD_TYPE, b"envelope", PAYLOAD_TYPE)
    bill = artifact(image, "application/vnd.cyclonedx+json", b"bill", "application/vnd.cyclonedx+json")
    async with Registry(reference(registry, "attached"), plain=True) as there:
        pushed = await there.push(image, (signed, bill))
        assert pushed.digest == image.digest
        assert await there.push(image, (signed, bill)) == pushed
    async with Registry(pushed, plain=True) as there:
        assert await there.pull() == image
        assert await there.attached(image.digest) == (signed, bill)


async def test_what_is_not_there_or_not_reachable_is_told(registry: str) -> None:
    async with Registry(reference(registry, "absent"), plain=True) as there:
        with pytest.raises(StoreError, match="404"):
            await there.pull()
    (port,) = free_ports(1)
    async with Registry(Reference.parse(f"127.0.0.1:{port}/x"), plain=True) as nobody:
        with pytest.raises(StoreError, match="cannot be reached"):
            await nobody.push(sample_image())


async def test_another_tool_reads_the_pushed_image_and_the_layout(registry: str, tmp_path: Path) -> None:
    skopeo = shutil.which("skopeo")
    if skopeo is None:
        pytest.skip("no skopeo: install the package skopeo")
    image = sample_image()
    async with Registry(reference(registry, "skopeo"), plain=True) as there:
        await there.push(image)
    write_layout(image, (), tmp_path / "layout", "1.0")
    for source in (f"docker://{registry}/tests/skopeo@{image.digest}", f"oci:{tmp_path}/layout:1.0"):
        asked = await asyncio.create_subprocess_exec(
            *(skopeo, "inspect", "--tls-verify=false", "--raw", source), stdout=asyncio.subprocess.PIPE
        )
        shown, _ = await asked.communicate()
        assert (asked.returncode, shown) == (0, image.manifest)


def python_base() -> Image:
    """The host's own interpreter as an image: nothing can be pulled where these tests run."""
    with tempfile.TemporaryDirectory(prefix="qlayer-base-") as name:
        host_image.write(Path(name) / "base.tar")
        layer = (Path(name) / "base.tar").read_bytes()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer)]},
    }
    described = [
        {"mediaType": kind, "digest": sha256(data), "size": len(data)}
        for kind, data in (
            ("application/vnd.oci.image.config.v1+json", canonical_json(config)),
            (LAYER_TYPE, layer),
        )
    ]
    manifest = {"schemaVersion": 2, "config": described[0], "layers": described[1:]}
    blobs = {sha256(data): data for data in (canonical_json(config), layer)}
    return Image(manifest=canonical_json(manifest), blobs=blobs)


async def test_it_runs_under_docker_by_digest_as_nobody(registry: str) -> None:
    import docker

    client = docker.DockerClient(base_url=docker_host())
    program = "import os; from add import add; print(os.getuid(), os.getcwd(), add(40, 2))"
    command = (sys.executable if sys.prefix == sys.base_prefix else f"{sys.base_prefix}/bin/python3", "-c")
    image = build_image(
        MANIFEST,
        TREE,
        python_base(),
        Start(command=(*command, program), environment={"PYTHONPATH": "/app/src"}),
    )
    async with Registry(reference(registry, "run"), plain=True) as there:
        pushed = await there.push(image)
    name = f"{registry}/tests/run@{pushed.digest}"
    client.images.pull(name)
    said = client.containers.run(name, network_mode="none", remove=True, read_only=True)
    assert said.decode().split() == ["65532", "/app", "42"]
