"""The Dockerfile that a capsule gets, built and run by a real docker: nobody's user, nothing writable."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_daemon import docker_host

from qlayer.generation.intake import parse_spec
from qlayer.generation.templates import TEMPLATES
from qlayer.packaging.delivery.deliver import Bases, deliver
from qlayer.sandbox.container import image as host_image

pytestmark = [pytest.mark.server, pytest.mark.slow]

BASE = "qlayer-delivery-base:1"
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def docker_client() -> Iterator[Any]:
    """A docker with the host's own interpreter as a base image: nothing can be pulled here."""
    import docker

    client = docker.DockerClient(base_url=docker_host())
    with tempfile.TemporaryDirectory(prefix="qlayer-base-") as name:
        tar = Path(name) / "base.tar"
        host_image.write(tar)
        repository, tag = BASE.split(":")
        found = f"ENV PATH={sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin"
        client.api.import_image_from_file(str(tar), repository=repository, tag=tag, changes=[found])
    yield client
    client.close()


def built(client: Any, family: str, folder: Path) -> str:
    spec = parse_spec((EXAMPLES / f"{family}.md").read_text(), template=family)
    delivered = deliver(family, TEMPLATES[family].instantiate(spec).tree, Bases(python=BASE))
    for path, data in delivered.tree.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    image, _ = client.images.build(path=str(folder), tag=f"qlayer-{family}:1", network_mode="none", rm=True)
    return str(image.id)


def said(client: Any, image: str, *arguments: str) -> str:
    answer = client.containers.run(
        image, list(arguments), network_mode="none", remove=True, read_only=True, cap_drop=["ALL"]
    )
    return str(answer.decode())


def test_the_image_of_a_function_runs_as_nobody(docker_client: Any, tmp_path: Path) -> None:
    image = built(docker_client, "function", tmp_path)
    program = (
        "import os; from second_smallest import second_smallest as f; "
        "print(os.getuid(), os.getgid(), os.access('/app/src', os.W_OK), os.path.exists('/app/tests'))"
    )
    assert said(docker_client, image, "-c", program).split() == ["65532", "65532", "False", "False"]


def test_the_image_of_a_command_line_tool_is_the_tool(docker_client: Any, tmp_path: Path) -> None:
    image = built(docker_client, "cli", tmp_path)
    assert "usage" in said(docker_client, image, "--help")


def test_what_does_not_compile_does_not_become_an_image(docker_client: Any, tmp_path: Path) -> None:
    import docker

    built(docker_client, "function", tmp_path)
    (tmp_path / "src/second_smallest/core.py").write_text("def broken(:\n")
    with pytest.raises(docker.errors.BuildError, match="compileall"):
        docker_client.images.build(path=str(tmp_path), network_mode="none", rm=True)
