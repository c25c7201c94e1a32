"""The compiled helper: built once, loaded only where nobody else can write, left out when it does not fit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from qlayer.sandbox import helper
from qlayer.sandbox.base import ProgramJob
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.sandbox.zygote import serve
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

COMPILER = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler here")
HELLO = ProgramJob(tree=SourceTree().with_files({"main.py": "print('hello')"}), path="main.py")
LIMITS = serve.Limits(reap_every_ms=50, grace_ms=200, locked_bytes=65_536, cpus=2)


@needs_compiler
def test_it_is_built_once(tmp_path: Path) -> None:
    folder = tmp_path / "zygote"
    built = helper.build(folder, COMPILER)
    assert Path(built.path).parent == folder, built
    assert "built with" in built.detail
    assert helper.build(folder, None) == helper.Helper(built.path, "from the cache folder")
    assert [path.suffix for path in folder.iterdir()] == [".so"]
    serve.Loop(built.path, LIMITS, control=0, second_uid=True)


@needs_compiler
def test_one_that_others_can_write_is_not_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "zygote"
    built = helper.build(folder, COMPILER)
    for place, mode in ((Path(built.path), 0o777), (folder, 0o777)):
        before = place.stat().st_mode
        place.chmod(mode)
        refused = helper.build(folder, COMPILER)
        assert refused.path == ""
        assert "can be written by others" in refused.detail
        place.chmod(before)


def test_without_a_compiler_it_is_missing(tmp_path: Path) -> None:
    missing = helper.build(tmp_path, None)
    assert missing.path == ""
    assert "no C compiler" in missing.detail


def test_a_compiler_that_fails_is_told(tmp_path: Path) -> None:
    false = shutil.which("false")
    assert false is not None
    assert helper.build(tmp_path, false).path == ""
    assert list(tmp_path.iterdir()) == []


@needs_compiler
def test_one_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = helper.build(tmp_path / "zygote", COMPILER)
    monkeypatch.setattr(serve.protocol, "ENDING_BYTES", 1)
    with pytest.raises(OSError, match="another version"):
        serve.Loop(built.path, LIMITS, control=0, second_uid=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for the full tier")
async def test_the_sandbox_says_whether_it_is_used_and_works_with_one_that_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"no library")
    ways = {
        "used": (WarmConfig(workers=1), helper.find(), bool(helper.find().path)),
        "not asked for": (WarmConfig(workers=1, helper=False), helper.find(), False),
        "broken": (WarmConfig(workers=1), helper.Helper(str(broken), "from a test"), False),
    }
    for name, (config, found, expected) in ways.items():
        monkeypatch.setattr(helper, "find", lambda found=found: found)
        async with WarmSandbox(config) as sandbox:
            said = [each for each in sandbox.info.capabilities if each.name == "compiled_helper"]
            assert [each.available for each in said] == [expected], name
            result = await sandbox.run(HELLO)
            assert result.verdict.outcome is Outcome.ACCEPTED, (name, result)
            assert result.stdout == b"hello\n"
