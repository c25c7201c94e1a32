"""What the warm sandbox offers and refuses where it is less than root on a plain host.

As `nobody` with user namespaces, and inside docker containers: `tier_probe` runs there and tells.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from docker_daemon import docker_host

from qlayer.sandbox import interpreter
from qlayer.sandbox.config import DockerConfig
from qlayer.sandbox.container import daemon, jail

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).parent / "tier_probe.py"
SITE = Path(pydantic.__file__).parents[1]
TIMEOUT_S = 200
NOBODY = 65534
LIMITED = {
    "fine": ("ACCEPTED", None),
    "memory": ("MEMORY_LIMIT", "RLIMIT_DATA, by a MemoryError"),
    # RLIMIT_NPROC refuses the forks and counts nothing; it is never a pass.
    "forks": ("INCOMPLETE", None),
    "outside": ("ACCEPTED", None),
}
"""Outcome and counter in tier userns."""


def check_userns(told: dict[str, Any], missing: set[str]) -> None:
    """It gives `userns`, says what is missing, and keeps the limits by what is left."""
    assert told["userns"]["tier"] == "userns", told
    assert missing <= set(told["userns"]["lacking"])
    verdicts = told["userns"]["verdicts"]
    for name, (outcome, counter) in LIMITED.items():
        assert verdicts[name][:3] == [outcome, "userns", counter], verdicts[name]
    assert verdicts["spin"][0] == "CPU_LIMIT" and verdicts["spin"][2].startswith("rusage=")
    check_refused(told["full"], "full", "userns", *missing)
    # Asking for less than it has weakens nothing.
    assert told["seccomp"]["tier"] == told["none"]["tier"] == "userns"


def check_refused(answer: dict[str, Any], asked: str, reached: str, *missing: str) -> None:
    assert answer.get("refused") == "TierUnavailable", answer
    said = f"sandbox tier '{asked}' is not available on this host, which reaches '{reached}' ("
    assert answer["message"].startswith(said)
    for name in missing:
        assert f"{name}: " in answer["message"]
    assert answer["hint"]


# -- nobody ---------------------------------------------------------------------------------------------


def as_nobody(*command: str) -> subprocess.CompletedProcess[str]:
    switch = (
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": f"{ROOT}:{SITE}"}
    return subprocess.run(
        [*switch, *command],
        check=False,
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def test_as_nobody_with_user_namespaces() -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("no setpriv: install the package util-linux")
    candidates = dict.fromkeys((interpreter.base_executable(), shutil.which("python3", path="/usr/bin")))
    # It starts itself once more, as the sandbox will: what `setpriv` itself may read says nothing.
    version = (
        "import subprocess, sys, qlayer.sandbox.warm; from qlayer.sandbox import interpreter; "
        f"assert sys.version_info[:2] == {sys.version_info[:2]}; "
        "subprocess.run([interpreter.base_executable(), '-c', ''], check=True)"
    )
    readable = [python for python in candidates if python and runs(python, version)]
    if not readable:
        pytest.skip(f"nobody can read none of the interpreters {list(candidates)} together with {ROOT}")
    done = as_nobody(readable[0], str(PROBE))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    if "refused" in told["userns"]:
        pytest.skip(f"no unprivileged user namespaces here: {told['userns']['message']}")
    assert told["uid"] != 0
    check_userns(told, {"second_uid", "memory_cgroup", "pids_cgroup"})


def runs(python: str, code: str) -> bool:
    try:
        return as_nobody(python, "-c", code).returncode == 0
    except OSError:
        return False


# -- inside docker --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def docker() -> Iterator[daemon.Daemon]:
    opened = daemon.connect(DockerConfig(host=docker_host()))
    yield opened
    opened.client.close()


def inside(docker: daemon.Daemon, **options: Any) -> dict[str, Any]:
    """What the probe says in a container of the given options."""
    container = docker.client.containers.create(
        docker.image,
        [jail.shown(interpreter.base_executable()), "-s", f"/src/{PROBE.relative_to(ROOT)}"],
        environment={**jail.environment(), "PYTHONPATH": "/src:/site", "HOME": "/nonexistent"},
        network_mode="none",
        tmpfs={"/tmp": "exec"},
        volumes={str(ROOT): {"bind": "/src", "mode": "ro"}, str(SITE): {"bind": "/site", "mode": "ro"}},
        **options,
    )
    try:
        container.start()
        container.wait(timeout=TIMEOUT_S)
        out, err = container.logs(stderr=False), container.logs(stdout=False)
        assert out, err.decode(errors="replace")
        told: dict[str, Any] = json.loads(out)
        return told
    finally:
        container.remove(force=True)


@pytest.mark.parametrize("user", ["0", str(NOBODY)])
def test_a_default_container_is_refused_whatever_the_minimum(docker: daemon.Daemon, user: str) -> None:
    told = inside(docker, user=user)
    check_refused(told["full"], "full", "seccomp", "user_ns", "memory_cgroup")
    for minimum in ("userns", "seccomp", "none"):
        check_refused(told[minimum], "userns", "seccomp", "user_ns", "pid_ns", "net_ns", "mount_ns")


def test_a_container_that_may_make_namespaces_gives_userns(docker: daemon.Daemon) -> None:
    told = inside(docker, cap_add=["SYS_ADMIN"], security_opt=["seccomp=unconfined"])
    check_userns(told, {"memory_cgroup", "pids_cgroup"})
