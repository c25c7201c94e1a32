"""The image's tar: the interpreter and the named packages, the same for the same sources, nothing else."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from qlayer.sandbox import interpreter
from qlayer.sandbox.container import image, jail


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tarfile.TarInfo]:
    path = tmp_path_factory.mktemp("image") / "image.tar"
    image.write(path)
    with tarfile.open(path) as tar:
        return {entry.name: entry for entry in tar}


def test_the_key_is_stable() -> None:
    assert image.key() == image.key()
    assert len(image.key()) == 32


def test_the_interpreter_is_where_it_is_started_from(names: dict[str, tarfile.TarInfo]) -> None:
    python = jail.shown(interpreter.base_executable())
    assert names[f"jail{python}"].mode == 0o755
    assert names[python.split("/")[1]].linkname == f"jail/{python.split('/')[1]}"
    assert "jail/opt/qlayer/site/pydantic/__init__.py" in names


def test_nothing_of_the_platform_but_the_zygote(names: dict[str, tarfile.TarInfo]) -> None:
    ours = {name for name in names if "/qlayer/" in name and name.startswith("agent")}
    assert "agent/qlayer/sandbox/zygote/contained.py" in ours
    assert all("/sandbox/zygote/" in name or name.count("/") <= 3 for name in ours)
    assert not [name for name in names if "site-packages" in name or "/root/.cache" in name]


def test_all_belongs_to_root_and_nothing_gives_rights(names: dict[str, tarfile.TarInfo]) -> None:
    for name, entry in names.items():
        assert (entry.uid, entry.gid) == (0, 0), name
        assert not entry.mode & 0o6000, name
    assert {entry.name for entry in names.values() if entry.ischr()} == {
        f"jail/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")
    }


def test_a_process_is_known_by_its_start() -> None:
    pid, started = jail.owner()
    assert jail.process_exists(pid, started)
    assert not jail.process_exists(pid, started + "1")
    assert not jail.process_exists(2**22 - 1, started)
    assert not Path("/proc", str(2**22 - 1)).exists()
