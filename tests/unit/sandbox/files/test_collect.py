"""Every attack is first shown to work on a collector that trusts names; then it must fail on ours."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from qlayer.sandbox.files import beneath
from qlayer.sandbox.files.collect import Collected, OutputLimits, collect
from qlayer.sandbox.files.patterns import parse

SECRET = b"the host's secret"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture(params=["openat2", "walk"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the kernel's own call, and as on a kernel that does not have it."""
    if request.param == "walk":

        def missing(*args: object) -> int:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(beneath, "_openat2", missing)
    return str(request.param)


def taken(work: Path, *patterns: str, limits: OutputLimits | None = None) -> Collected:
    fd = os.open(work, os.O_PATH | os.O_DIRECTORY)
    try:
        return collect(fd, parse(patterns), limits)
    finally:
        os.close(fd)


def naive(work: Path, pattern: str) -> list[bytes]:
    """What a collector does that nobody thought about."""
    return [path.read_bytes() for path in sorted(work.glob(pattern))]


def cause(found: Collected) -> str:
    assert found.fault is not None
    return found.fault.cause


# -- what comes back ------------------------------------------------------------------------------------


def test_paths_and_globs_come_back_once_each_and_sorted(work: Path) -> None:
    for name in ("b.txt", "a.txt", "out/deep/c.txt", "out/d.bin", ".hidden.txt"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(name.encode())
    found = taken(work, "a.txt", "*.txt", "out/**/*.txt", "out/**")
    assert found.fault is None
    assert [file.path for file in found.files] == ["a.txt", "b.txt", "out/d.bin", "out/deep/c.txt"]
    assert all(file.data == file.path.encode() for file in found.files)


def test_a_missing_path_and_a_glob_without_a_match_are_faults(work: Path) -> None:
    assert cause(taken(work, "answer.txt")) == "the output 'answer.txt' is missing"
    assert cause(taken(work, "no/such/answer.txt")) == "the output 'no/such/answer.txt' is missing"
    assert cause(taken(work, "*.bin")) == "no file matches '*.bin'"


def test_what_is_good_comes_back_beside_a_fault(work: Path) -> None:
    (work / "a.txt").write_bytes(b"a")
    found = taken(work, "a.txt", "b.txt")
    assert [file.path for file in found.files] == ["a.txt"] and found.fault is not None


@pytest.mark.parametrize("bad", ["/etc/passwd", "../x", "a/../b", "", "a\nb", "a//b", "x" * 5_000])
def test_no_pattern_can_ask_for_what_no_tree_holds(bad: str) -> None:
    with pytest.raises(ValueError, match=r"path|part"):
        parse([bad])


# -- attacks --------------------------------------------------------------------------------------------


def test_a_link_to_a_file_of_the_host(work: Path, secret: Path) -> None:
    (work / "out.txt").symlink_to(secret)
    assert naive(work, "out.txt") == [SECRET]
    for pattern in ("out.txt", "*.txt", "**"):
        found = taken(work, pattern)
        assert "symbolic link" in cause(found) and not found.files


def test_a_folder_that_is_a_link(work: Path, secret: Path) -> None:
    (work / "out").symlink_to(secret.parent)
    assert naive(work, "out/secret") == [SECRET]
    assert "symbolic link" in cause(taken(work, "out/secret"))
    assert not taken(work, "*/secret").files
    assert not taken(work, "**/secret").files


def test_a_hard_link_to_a_file_of_the_host(work: Path, secret: Path) -> None:
    (work / "out.txt").hardlink_to(secret)
    assert naive(work, "out.txt") == [SECRET]
    found = taken(work, "out.txt")
    assert "hard link" in cause(found) and not found.files


def test_a_pipe_does_not_hold_the_collector_up(work: Path) -> None:
    os.mkfifo(work / "out.txt")
    blocked = threading.Thread(target=naive, args=(work, "out.txt"), daemon=True)
    blocked.start()
    blocked.join(0.3)
    assert blocked.is_alive(), "the naive collector waits for a writer"
    assert "a pipe" in cause(taken(work, "out.txt"))
    os.close(os.open(work / "out.txt", os.O_WRONLY | os.O_NONBLOCK))
    blocked.join(10)


def test_a_socket_and_a_folder(work: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(work)
        try:
            listener.bind("out.sock")
        finally:
            os.chdir(here)
        assert "a socket" in cause(taken(work, "out.sock"))
    (work / "folder").mkdir()
    assert "a folder" in cause(taken(work, "folder"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_a_device(work: Path) -> None:
    try:
        os.mknod(work / "out.bin", 0o666 | 0o020000, os.makedev(1, 5))
        with (work / "out.bin").open("rb") as file:
            assert file.read(3) == b"\0\0\0"
    except PermissionError:
        pytest.skip("this host lets nobody make or open device nodes")
    assert "a device" in cause(taken(work, "out.bin"))


def test_a_name_with_a_newline(work: Path) -> None:
    (work / "a\nFORGED: ok").write_bytes(b"x")
    assert naive(work, "a*") == [b"x"]
    found = taken(work, "a*")
    assert not found.files and "\n" not in cause(found)


def test_a_name_that_is_no_text(work: Path) -> None:
    with open(os.fsencode(work) + b"/a\xff", "wb"):
        pass
    found = taken(work, "a*")
    assert not found.files and found.fault is not None
    assert found.fault.cause.isascii()


def test_a_sparse_terabyte_is_not_read(work: Path) -> None:
    try:
        with (work / "huge").open("wb") as file:
            file.truncate(1 << 40)
    except OSError as error:
        pytest.skip(f"no sparse file of a terabyte here: {error}")
    found = taken(work, "huge")
    assert not found.files
    assert found.fault is not None and found.fault.limit == f"file_bytes={OutputLimits().file_bytes}"


def test_ten_thousand_files(work: Path) -> None:
    for number in range(10_000):
        (work / f"{number}.txt").touch()
    assert len(naive(work, "*.txt")) == 10_000
    found = taken(work, "*.txt")
    assert found.fault is not None and found.fault.limit == "files=1000"
    most = taken(work, "*.txt", limits=OutputLimits(entries=500))
    assert most.fault is not None and most.fault.limit == "entries=500"


def test_all_together_too_large(work: Path) -> None:
    for name in "abc":
        (work / name).write_bytes(bytes(600))
    found = taken(work, "*", limits=OutputLimits(total_bytes=1_500))
    assert [file.path for file in found.files] == ["a", "b"]
    assert found.fault is not None and found.fault.limit == "total_bytes=1500"


def test_folders_too_deep(work: Path) -> None:
    deep = work
    for _ in range(70):
        deep = deep / "d"
        deep.mkdir()
    (deep / "x.txt").touch()
    found = taken(work, "**/x.txt")
    assert found.fault is not None and found.fault.limit == "depth=64"


def test_a_file_swapped_for_a_link_between_look_and_read(
    work: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race that killing everything first makes impossible, played by hand at its worst moment."""
    (work / "out.txt").write_bytes(b"harmless")
    real: Callable[[int, str, int], int] = beneath.open_beneath
    opened = []

    def swap(folder: int, path: str, flags: int) -> int:
        opened.append(path)
        if len(opened) == 2:
            (work / "out.txt").unlink()
            (work / "out.txt").symlink_to(secret)
        return real(folder, path, flags)

    monkeypatch.setattr("qlayer.sandbox.files.collect.open_beneath", swap)
    found = taken(work, "out.txt")
    assert len(opened) == 2, "the swap was made"
    assert not found.files and "symbolic link" in cause(found)


def test_another_file_system_below_is_not_entered() -> None:
    """/proc below / stands for any mount."""
    fd = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        assert Path("/proc/version").read_bytes()
        found = collect(fd, parse(["proc/version"]))
    finally:
        os.close(fd)
    assert not found.files and "leads out" in cause(found)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../secret"])
def test_beneath_goes_nowhere_else(work: Path, secret: Path, path: str) -> None:
    (work / "a").mkdir()
    fd = os.open(work, os.O_PATH | os.O_DIRECTORY)
    try:
        with pytest.raises(OSError) as refused:
            os.close(beneath.open_beneath(fd, path, os.O_RDONLY))
    finally:
        os.close(fd)
    assert refused.value.errno == 18, "EXDEV"
