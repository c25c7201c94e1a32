"""The real builder: what it refuses and whose fault it is, what its cache survives, what it cannot reach."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from package_index import Index, serving, sha256, wheel

from qlayer.errors import (
    ConfigurationError,
    DependencyError,
    IndexUnavailable,
    QlayerError,
    SandboxError,
    StoreFull,
    TierUnavailable,
)
from qlayer.sandbox import capabilities, interpreter
from qlayer.sandbox.environments import builder, shelf
from qlayer.sandbox.environments.base import EnvironmentId, Target
from qlayer.sandbox.environments.cache import CachedEnvironments
from qlayer.sandbox.environments.config import BuildLimits, EnvironmentsConfig
from qlayer.sandbox.environments.gateway import Gateway
from qlayer.sandbox.environments.parse import parse_lock
from qlayer.sandbox.environments.project import prepare_for, unprepared
from qlayer.sandbox.fake import FakeSandbox
from qlayer.sandbox.zygote.protocol import READY
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Outcome, Phase, Tier


@pytest.fixture(autouse=True, scope="module")
def _possible() -> None:
    try:
        capabilities.require(Tier.USERNS, capabilities.probe().capabilities)
    except TierUnavailable as missing:
        pytest.skip(f"packages cannot be prepared: {missing}")


@pytest.fixture
def index() -> Iterator[Index]:
    with serving() as index:
        yield index


async def prepare(
    folder: Path, index: Index, *pins: tuple[str, str, str], **config: Any
) -> tuple[CachedEnvironments, EnvironmentId]:
    fields = {"folder": folder / "envs", "index_url": index.url, **config}
    environments = CachedEnvironments(EnvironmentsConfig(**fields))
    return environments, await environments.prepare(parse_lock("requirements.txt", index.lock(*pins)))


def unfinished(folder: Path) -> list[str]:
    return [path.name for path in (folder / "envs").iterdir() if path.name.startswith((".build", ".trash"))]


# -- What is built ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "html"])
@pytest.mark.parametrize("with_hashes", [True, False], ids=["hashes", "no hashes"])
async def test_builds_from_every_kind_of_page(
    tmp_path: Path, index: Index, as_json: bool, with_hashes: bool
) -> None:
    index.as_json, index.with_hashes = as_json, with_hashes
    hash = index.add(wheel("left-pad", files={"left/__init__.py": "X = 1\n", "left/data.txt": "hello"}))
    environments, made = await prepare(tmp_path, index, ("Left_Pad", "1.0", hash))
    site = environments.path(made)
    assert (site / "left/data.txt").read_text() == "hello"
    assert list((site / "left/__pycache__").glob("*.pyc"))
    for path in [site, *site.rglob("*")]:
        status = path.lstat()
        assert status.st_uid == os.geteuid() and not status.st_mode & 0o022, path
    assert unfinished(tmp_path) == []


async def test_what_is_there_is_not_built_again(tmp_path: Path, index: Index) -> None:
    pin = ("one", "1.0", index.add(wheel("one")))
    await prepare(tmp_path, index, pin)
    asked = len(index.requests)
    await prepare(tmp_path, index, pin)
    assert asked == len(index.requests) == 2


async def test_a_project_with_a_lock_gets_its_packages(tmp_path: Path, index: Index) -> None:
    hash = index.add(wheel("one"))
    environments = CachedEnvironments(EnvironmentsConfig(folder=tmp_path, index_url=index.url))
    tree = SourceTree().with_files({"main.py": "import one\n"})
    assert await prepare_for(environments, tree) is None
    tree = tree.with_files({"requirements.lock": index.lock(("one", "1.0", hash))})
    made = await prepare_for(environments, tree)
    assert made is not None and environments.path(made).is_dir()


# -- What is refused, and whose fault it is ----------------------------------------------------------------


async def refused(tmp_path: Path, index: Index, *pins: tuple[str, str, str], **config: Any) -> QlayerError:
    with pytest.raises(QlayerError) as caught:
        await prepare(tmp_path, index, *pins, **config)
    assert unfinished(tmp_path) == []
    return caught.value


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (wheel("one", tag="cp399-cp399-any"), "no wheel for this interpreter"),
        (wheel("one", calls_itself="two"), "calls itself two"),
        (("one-1.0.tar.gz", b"anything"), "building its source would run its code"),
        (("one-1.0-py3-none-any.whl", b"no archive"), "damaged"),
        (wheel("one", files={"../../escape.py": "x"}), "leads out"),
    ],
    ids=["platform", "name", "source only", "damaged", "path"],
)
async def test_a_wheel_that_cannot_be_taken(
    tmp_path: Path, index: Index, file: tuple[str, bytes], why: str
) -> None:
    error = await refused(tmp_path, index, ("one", "1.0", index.add(file)))
    assert isinstance(error, DependencyError) and why in error.message
    async with FakeSandbox() as sandbox:
        verdict = unprepared(error, sandbox.info).verdict
    assert (verdict.outcome, verdict.phase) == (Outcome.DEPENDENCY_ERROR, Phase.DEPS)
    assert verdict.attribution is Attribution.PROGRAM and not verdict.retryable


async def test_bytes_that_differ_from_what_the_page_says_are_refused(tmp_path: Path, index: Index) -> None:
    name, data = wheel("one")
    index.add((name, data))
    good = sha256(data)
    index.with_hashes = False
    index.projects["one"][name] = wheel("one", files={"evil.py": "x"})[1]
    error = await refused(tmp_path, index, ("one", "1.0", good))
    assert isinstance(error, DependencyError) and "which the lock does not name" in error.message


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_an_index_in_trouble_says_nothing_about_the_lock(
    tmp_path: Path, index: Index, status: int
) -> None:
    index.status = status
    error = await refused(tmp_path, index, ("one", "1.0", "0" * 64))
    assert isinstance(error, IndexUnavailable) and error.retryable


async def test_an_index_that_is_gone_says_nothing_about_the_lock(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = Index(url=f"http://127.0.0.1:{unused.getsockname()[1]}/simple")
        error = await refused(tmp_path, gone, ("one", "1.0", "0" * 64))
    assert isinstance(error, IndexUnavailable) and error.retryable


async def test_a_page_whose_file_is_missing_is_the_indexs_fault(tmp_path: Path, index: Index) -> None:
    hash = index.add(wheel("one"))
    index.file_base = "/nowhere"
    assert isinstance(await refused(tmp_path, index, ("one", "1.0", hash)), IndexUnavailable)


@pytest.mark.parametrize("status", [401, 403])
async def test_an_index_that_wants_credentials_is_a_matter_of_configuration(
    tmp_path: Path, index: Index, status: int
) -> None:
    index.status = status
    assert isinstance(await refused(tmp_path, index, ("one", "1.0", "0" * 64)), ConfigurationError)


async def test_without_an_index_nothing_is_built(tmp_path: Path, index: Index) -> None:
    error = await refused(tmp_path, index, ("one", "1.0", "0" * 64), index_url=None)
    assert isinstance(error, ConfigurationError)


@pytest.mark.parametrize("limit", [{"download_bytes": 10}, {"installed_bytes": 10}, {"installed_files": 2}])
async def test_limits_are_named(tmp_path: Path, index: Index, limit: dict[str, int]) -> None:
    error = await refused(
        tmp_path, index, ("one", "1.0", index.add(wheel("one"))), limits=BuildLimits(**limit)
    )
    assert isinstance(error, DependencyError)
    assert error.limit == "{}={}".format(*next(iter(limit.items())))


async def test_too_many_packages_are_refused_before_anything_is_asked(tmp_path: Path, index: Index) -> None:
    pins = [(name, "1.0", "0" * 64) for name in ("one", "two")]
    error = await refused(tmp_path, index, *pins, limits=BuildLimits(packages=1))
    assert isinstance(error, DependencyError) and error.limit == "packages=1"
    assert index.requests == []


# -- The gateway: nothing but the index --------------------------------------------------------------------


@pytest.mark.parametrize("way", ["redirect", "file"])
async def test_an_index_cannot_send_a_build_elsewhere(tmp_path: Path, index: Index, way: str) -> None:
    pin = ("one", "1.0", index.add(wheel("one")))
    with serving() as other:
        other.projects = index.projects
        elsewhere = other.url.removesuffix("/simple")
        if way == "redirect":
            index.redirect_to = f"{elsewhere}/simple/one/"
        else:
            index.file_base = f"{elsewhere}/files"
        error = await refused(tmp_path, index, pin)
        assert isinstance(error, ConfigurationError) and elsewhere in error.message
        assert other.requests == []
        # The guard off: when that place is allowed by name, the same lock is built from it.
        await prepare(tmp_path, index, pin, file_origins=(elsewhere,))
        assert other.requests


async def test_credentials_reach_the_index_and_nobody_else(tmp_path: Path, index: Index) -> None:
    pin = ("one", "1.0", index.add(wheel("one")))
    with serving() as other:
        other.projects = index.projects
        index.file_base = other.url.removesuffix("simple") + "files"
        url = index.url.replace("//", "//someone:secret@")
        await prepare(tmp_path, index, pin, index_url=url, file_origins=(other.url,))
        assert index.authorizations == ["Basic c29tZW9uZTpzZWNyZXQ="] and other.authorizations == [""]


async def test_a_proxy_is_asked_for_the_indexs_addresses_only(tmp_path: Path, index: Index) -> None:
    pin = ("one", "1.0", index.add(wheel("one")))
    # The index itself plays the proxy: it is sent whole addresses, of a name that nothing else would answer.
    url = "http://index.invalid/simple"
    index.file_base = "http://index.invalid/files"
    proxy = index.url.removesuffix("/simple")
    await prepare(tmp_path, index, pin, index_url=url, proxy_url=proxy)
    assert index.requests[0] == "http://index.invalid/simple/one/"
    index.file_base = "http://other.invalid/files"
    other = ("two", "1.0", index.add(wheel("two")))
    error = await refused(tmp_path, index, other, index_url=url, proxy_url=proxy)
    assert isinstance(error, ConfigurationError) and not any("other" in each for each in index.requests)


@pytest.mark.parametrize(
    "asked",
    [
        *({"page": name} for name in ("../admin", "a/b", "", "A", 5, None)),
        *(
            {"file": url}
            for url in ("http://[::x", "x" * 100_000, "", "file:///etc/passwd", "ftp://127.0.0.1/x")
        ),
        *({"file": url} for url in ("http://127.0.0.1:1/", "http://127.0.0.1@192.0.2.1/", None)),
    ],
    ids=lambda asked: str(asked)[:40],
)
async def test_the_gateway_believes_no_request(tmp_path: Path, index: Index, asked: dict[str, Any]) -> None:
    passed: list[bytes] = []

    async def send(packet: bytes) -> None:
        passed.append(packet)

    async with Gateway(EnvironmentsConfig(folder=tmp_path, index_url=index.url)) as gateway:
        with pytest.raises(QlayerError):
            await gateway.answer(asked, send)
        assert passed == [] and index.requests == []
        index.add(wheel("one"))
        await gateway.answer({"page": "one"}, send)
        assert passed


# -- The sandbox of a build --------------------------------------------------------------------------------


@contextmanager
def inside(module: str) -> Iterator[socket.socket]:
    """A module of this folder as a keeper; gives the host's end of its control socket."""
    host, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    paths = [str(Path(interpreter.__file__).parents[2]), str(Path(__file__).parent)]
    code = f"import sys; sys.path += {paths!r}; import {module}; {module}.main({control.fileno()})"
    process = subprocess.Popen(
        [interpreter.base_executable(), "-s", "-P", "-S", "-B", "-c", code],
        pass_fds=[control.fileno()],
        env={},
    )
    control.close()
    host.settimeout(60)
    try:
        yield host
    finally:
        host.close()
        process.wait(60)


def is_privileged() -> bool:
    return any(each.name == "second_uid" and each.available for each in capabilities.probe().capabilities)


@contextmanager
def attacker(folder: Path, *disabled: str) -> Iterator[socket.socket]:
    """`builder_attack` as process 1 of a build's sandbox."""
    privileged = is_privileged()
    if privileged:
        os.chown(folder, capabilities.FIRST_UID + 1, capabilities.FIRST_UID + 1)
    setup = builder.setup_for(folder, privileged, capabilities.FIRST_UID)
    with inside("builder_attack") as host:
        host.send(setup._replace(disabled=list(disabled)).to_bytes())
        word = host.recv(65_536)
        assert word == READY, word
        yield host


def attempt(host: socket.socket, what: str, *arguments: object) -> str:
    """What the sandbox says about it: ``done`` or the error's name."""
    host.send(json.dumps([what, *arguments]).encode())
    return host.recv(65_536).decode()


def test_a_build_reaches_no_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with attacker(tmp_path) as host:
            assert attempt(host, "connect", "127.0.0.1", port) == "PermissionError"
            assert attempt(host, "connect", "192.0.2.1", 80) == "PermissionError"
        with attacker(tmp_path, "seccomp") as host:
            assert attempt(host, "connect", "127.0.0.1", port) == "OSError 101"
            assert attempt(host, "connect", "192.0.2.1", 80) == "OSError 101"
        # Both guards off: the attempt itself works.
        with attacker(tmp_path, "seccomp", "net_ns") as host:
            assert attempt(host, "connect", "127.0.0.1", port) == "done"


def test_a_build_sees_its_own_folder_and_the_interpreter_only(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o644)
    target = tmp_path / "target"
    target.mkdir()
    with attacker(target) as host:
        assert attempt(host, "read", str(secret)) == "FileNotFoundError"
        assert attempt(host, "write", "/opt/qlayer/build/own") == "done"
        assert attempt(host, "read", "/opt/qlayer/build/../../../etc/shadow") == "FileNotFoundError"
        for place in ("/etc/x", "/usr/bin/x", "/x", "/tmp/x"):
            assert attempt(host, "write", place) in ("OSError 30", "PermissionError"), place
        assert attempt(host, "list", "/proc") == "FileNotFoundError"
        assert attempt(host, "list", "/opt/qlayer/site") == "FileNotFoundError"
        assert attempt(host, "uid") != "0"
        assert attempt(host, "unshare") == "PermissionError"
    assert (target / "own").exists()


async def test_only_the_set_that_is_asked_for_is_shown(tmp_path: Path, index: Index) -> None:
    names = ("one", "two")
    pins = {name: (name, "1.0", index.add(wheel(name))) for name in names}
    made = {name: (await prepare(tmp_path, index, pins[name]))[1].removeprefix("sha256:") for name in names}
    setup = builder.setup_for(tmp_path / "target", is_privileged(), capabilities.FIRST_UID)
    with inside("packages_probe") as host:
        host.send(setup._replace(writable=(), environments=str(tmp_path / "envs")).to_bytes())
        host.send(bytes.fromhex(made["one"]))
        seen = json.loads(host.recv(65_536))
    # Without the cover every set is seen; with it none but the one that is bound, and that only meanwhile.
    assert {*made.values()} <= {*seen["uncovered"]}
    assert (seen["covered"], seen["before"], seen["after"]) == ([], [], [])
    assert "one.py" in seen["shown"] and "two.py" not in seen["shown"]


@pytest.mark.parametrize(
    "packet",
    [
        b"x",
        b"[]",
        b"{}",
        b'{"step": 1}',
        b'{"step": "a", "done": "x"}',
        b'{"step": "a", "done": []}',
        b"\xff",
    ],
)
async def test_a_build_that_speaks_nonsense_is_the_platforms_fault(
    tmp_path: Path, index: Index, packet: bytes
) -> None:
    config = EnvironmentsConfig(folder=tmp_path, index_url=index.url)
    lock = parse_lock("x.txt", index.lock(("one", "1.0", "0" * 64)))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    # A process that plays no part: the words come from here.
    with ours, theirs, subprocess.Popen(["true"]) as process:  # noqa: ASYNC220
        theirs.send(READY)
        theirs.send(packet)
        playing = builder.Process(process, ours, ())
        async with Gateway(config) as gateway:
            with pytest.raises(SandboxError) as caught:
                await builder.converse(playing, gateway, config, lock, Target(tags=("x",)), lambda step: None)
    assert type(caught.value) is SandboxError


# -- The cache ---------------------------------------------------------------------------------------------


async def test_many_at_once_build_once(tmp_path: Path, index: Index) -> None:
    pin = ("one", "1.0", index.add(wheel("one")))
    made = await asyncio.gather(*(prepare(tmp_path, index, pin) for _ in range(4)))
    assert len({id for _, id in made}) == 1
    assert len(index.requests) == 2


_BUILD = """
import asyncio, sys
from pathlib import Path
from qlayer.sandbox.environments.cache import CachedEnvironments
from qlayer.sandbox.environments.config import EnvironmentsConfig
from qlayer.sandbox.environments.parse import parse_lock
folder, url, lock = sys.argv[1:]
environments = CachedEnvironments(EnvironmentsConfig(folder=Path(folder), index_url=url))
asyncio.run(environments.prepare(parse_lock("x.txt", lock.encode())))
"""


async def test_a_build_that_is_killed_leaves_nothing_that_looks_finished(
    tmp_path: Path, index: Index
) -> None:
    pin = ("one", "1.0", index.add(wheel("one")))
    index.stall.set()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _BUILD, str(tmp_path / "envs"), index.url, index.lock(pin).decode())
    )
    assert await asyncio.to_thread(index.asked.wait, 60)
    assert unfinished(tmp_path)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    index.stall.clear()
    assert shelf.describe(tmp_path / "envs") == ()
    environments, made = await prepare(tmp_path, index, pin)
    assert environments.path(made).is_dir() and unfinished(tmp_path) == []


async def test_a_cancelled_build_leaves_nothing(tmp_path: Path, index: Index) -> None:
    index.stall.set()
    task = asyncio.create_task(prepare(tmp_path, index, ("one", "1.0", "0" * 64)))
    assert await asyncio.to_thread(index.asked.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    index.stall.clear()
    assert unfinished(tmp_path) == []


async def test_a_slow_build_is_ended_and_nobody_is_blamed(tmp_path: Path, index: Index) -> None:
    index.stall.set()
    error = await refused(tmp_path, index, ("one", "1.0", "0" * 64), limits=BuildLimits(wall_s=1.5))
    index.stall.clear()
    assert type(error) is SandboxError and error.retryable


@pytest.mark.parametrize("damage", ["shorter", "missing", "extra", "link", "manifest"])
async def test_what_is_damaged_is_built_again(tmp_path: Path, index: Index, damage: str) -> None:
    pin = ("one", "1.0", index.add(wheel("one")))
    environments, made = await prepare(tmp_path, index, pin)
    site = environments.path(made)
    module = site / "one.py"
    if damage == "shorter":
        module.write_text("")
    elif damage == "extra":
        (site / "planted.py").write_text("x")
    elif damage == "manifest":
        manifest = site.parent / shelf.MANIFEST
        manifest.write_text(manifest.read_text().replace("one==1.0", "one==2.0"))
    else:
        module.unlink()
        if damage == "link":
            module.symlink_to("/etc/passwd")
    assert (await prepare(tmp_path, index, pin))[1] == made
    assert len(index.requests) == 4
    assert module.read_text() == "VERSION = '1.0'\n" and not (site / "planted.py").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


async def test_a_full_disk_is_a_clear_error(small_disk: Path, index: Index) -> None:
    hash = index.add(wheel("one", files={"big.bin": "x" * 4_000_000}))
    error = await refused(small_disk, index, ("one", "1.0", hash))
    assert isinstance(error, StoreFull) and shelf.describe(small_disk / "envs") == ()
    # The guard's other side: what fits is built on the same disk.
    await prepare(small_disk, index, ("two", "1.0", index.add(wheel("two"))))
