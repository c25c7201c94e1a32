"""Process 1 of a build's sandbox, in place of the build: tries what it is told, says what happened."""

from __future__ import annotations

import ctypes
import json
import os
import socket
from typing import NoReturn

from qlayer.sandbox.zygote import install, keeper
from qlayer.sandbox.zygote.protocol import Setup


def main(control_fd: int) -> None:
    keeper.main(control_fd, inner=_inner)


def _inner(control: socket.socket, setup: Setup, asks: int, answers: int) -> NoReturn:
    install.enter(control, setup, asks, answers)
    while packet := control.recv(65_536):
        try:
            answer = _try(*json.loads(packet)) or "done"
        except OSError as error:
            answer = type(error).__name__
            answer += f" {error.errno}" if answer == "OSError" else ""
        control.send(answer.encode())
    os._exit(0)


def _try(what: str, *arguments: object) -> str | None:
    if what == "connect":
        with socket.socket() as client:
            client.settimeout(20)
            client.connect((str(arguments[0]), int(str(arguments[1]))))
    elif what == "read":
        os.close(os.open(str(arguments[0]), os.O_RDONLY))
    elif what == "write":
        os.close(os.open(str(arguments[0]), os.O_WRONLY | os.O_CREAT))
    elif what == "list":
        os.listdir(str(arguments[0]))
    elif what == "uid":
        return str(os.getuid())
    elif what == "unshare":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x10000000) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
    return None
