"""Process 1 of a build: asks the host for pages and wheels, checks, unpacks and compiles them, ends.

It has no network at all: its one way out is the control socket, over which the host's gateway passes what the
configured index answers. It sees the interpreter and one writable folder, under a uid of its own and both
filters. What it says to the host, short packets of JSON::

    -> {"page": NAME} | {"file": URL}        <- head {"status", "type", "url"}, then D... packets, then E
    -> {"step": NAME, "done": n}
    -> {"failed": KIND, "name": ..., "message": ...} | {"installed": n}
"""

from __future__ import annotations

import compileall
import errno
import hashlib
import json
import os
import py_compile
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from qlayer.sandbox.zygote import filters, keeper, pid1, syscalls, wheels
from qlayer.sandbox.zygote.packages import SITE
from qlayer.sandbox.zygote.protocol import CANDIDATE_UID, ENVIRONMENT, FAILED, READY, Setup

TARGET = "/opt/qlayer/build"
"""Where the one writable folder is shown."""
DATA, END = b"D", b"E"
PACKET_BYTES = 65_536
_MOST_PAGE_BYTES = 64 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)
_OPEN_FILES = 256


def main(control_fd: int) -> None:
    """Called by the host as a fresh interpreter's only function."""
    keeper.main(control_fd, inner=_inner)


def enter(control: socket.socket, setup: Setup, asks: int, answers: int) -> None:
    """Put up all walls around this process and say READY; on a failure say why and end."""
    try:
        os.close(pid1.set_up(setup, asks, answers))
        _give_up(setup)
    except (OSError, ImportError, ValueError) as error:
        control.send(FAILED + f"{type(error).__name__}: {error}".encode()[:2000])
        os._exit(1)
    control.send(READY)


def _inner(control: socket.socket, setup: Setup, asks: int, answers: int) -> NoReturn:
    enter(control, setup, asks, answers)
    _, fds, _, _ = socket.recv_fds(control, 16, 1)
    with os.fdopen(fds[0], "rb") as file:
        order = json.loads(file.read())
    control.send(json.dumps(_outcome(_Build(control, order))).encode()[:PACKET_BYTES])
    os._exit(0)


def _give_up(setup: Setup) -> None:
    """As a run's child does before it reads its job."""
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    if setup.privileged:
        os.setresgid(CANDIDATE_UID, CANDIDATE_UID, CANDIDATE_UID)
        os.setresuid(CANDIDATE_UID, CANDIDATE_UID, CANDIDATE_UID)
    syscalls.drop_capabilities()
    # A change of uid clears it: without it, a keeper that is killed would leave this process behind.
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if "seccomp" not in setup.disabled:
        syscalls.load_filter(filters.child_filter())


def _outcome(build: _Build) -> dict[str, Any]:
    try:
        return {"installed": build.run()}
    except wheels.Refused as error:
        return {"failed": "refused", "name": build.name, "message": str(error)}
    except wheels.TooBig as error:
        return {"failed": "limit", "name": build.name, "message": str(error)}
    except _Broken as error:
        return {"failed": "index", "name": build.name, "message": str(error)}
    except OSError as error:
        kind = "full" if error.errno in _FULL else "broken"
        return {"failed": kind, "name": build.name, "message": str(error)}
    except Exception as error:  # of a page or an archive that the standard library cannot take
        return {"failed": "broken", "name": build.name, "message": f"{type(error).__name__}: {error}"}


class _Broken(Exception):
    """The index does not keep its own word."""


class _Build:
    """All packages of one order."""

    def __init__(self, control: socket.socket, order: dict[str, Any]) -> None:
        self._control = control
        self._pins = order["pins"]
        self._tags = {tag: rank for rank, tag in enumerate(order["tags"])}
        self._room = wheels.Room(order["installed_bytes"], order["installed_files"])
        self.name = ""

    def run(self) -> int:
        """How many packages were installed."""
        site = f"{TARGET}/{SITE}"
        os.mkdir(site, 0o755)
        for done, (name, version, hashes) in enumerate(self._pins):
            self.name = name
            self._say({"step": name, "done": done})
            wheel = f"{TARGET}/.{name}.whl"
            self._fetch(name, version, set(hashes), wheel)
            wheels.unpack(wheel, name, version, site, self._room)
            os.unlink(wheel)
        self.name = ""
        self._say({"step": "", "done": len(self._pins)})
        _compile(site)
        return len(self._pins)

    def _fetch(self, name: str, version: str, hashes: set[str], path: str) -> None:
        """The one wheel to take. Its bytes are hashed here and compared with the lock, not with the index."""
        head = self._ask({"page": name})
        page = b"".join(self._body(_MOST_PAGE_BYTES))
        if head["status"] == 404:
            raise wheels.Refused(f"the index knows no package {name!r}; is the name right?")
        try:
            offered = wheels.files_of(page, head["type"], head["url"])
        except (ValueError, KeyError, TypeError) as error:
            raise _Broken(f"the index's page of {name} cannot be read: {error}") from None
        file = wheels.choose(offered, name, version, hashes, self._tags)
        head = self._ask({"file": file.url})
        digest = hashlib.sha256()
        with open(path, "wb") as out:
            for chunk in self._body(1 << 50):
                digest.update(chunk)
                out.write(chunk)
        if head["status"] != 200:
            raise _Broken(f"the index offers {file.name} but answers {head['status']} for it")
        if digest.hexdigest() not in hashes:
            raise wheels.Refused(
                f"{file.name} has the hash sha256:{digest.hexdigest()}, which the lock does not name"
            )

    def _say(self, message: dict[str, Any]) -> None:
        self._control.send(json.dumps(message).encode())

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        self._say(message)
        head = self._control.recv(PACKET_BYTES)
        if not head:
            os._exit(1)
        found: dict[str, Any] = json.loads(head)
        return found

    def _body(self, most_bytes: int) -> Iterator[bytes]:
        seen = 0
        while (packet := self._control.recv(PACKET_BYTES + 1))[:1] == DATA:
            seen += len(packet) - 1
            if seen > most_bytes:
                raise wheels.TooBig(f"page_bytes={most_bytes}")
            yield packet[1:]
        if packet != END:
            os._exit(1)


def _compile(site: str) -> None:
    """Bytecode beside the sources, never checked against them: the folder is read-only from now on.

    A source that this interpreter does not take is left as it is; importing it says why.
    """
    sys.stdout = sys.stderr
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    # The path that a run will see stands in its tracebacks.
    compileall.compile_dir(
        site, quiet=2, force=True, invalidation_mode=mode, stripdir=site, prependdir=ENVIRONMENT, workers=1
    )
