"""Process 1 of a zygote's namespaces that shows prepared packages step by step and says what it sees."""

from __future__ import annotations

import json
import os
import socket
from typing import NoReturn

from qlayer.sandbox.zygote import keeper, packages, pid1
from qlayer.sandbox.zygote.protocol import ENVIRONMENT, Setup


def main(control_fd: int) -> None:
    keeper.main(control_fd, inner=_inner)


def _inner(control: socket.socket, setup: Setup, asks: int, answers: int) -> NoReturn:
    pid1.set_up(setup, asks, answers)
    digest = control.recv(32)
    folder = packages.binds(setup.environments)[0][1]
    uncovered = sorted(os.listdir(folder))
    shelf = packages.take()
    seen = {"uncovered": uncovered, "covered": os.listdir(folder), "before": os.listdir(ENVIRONMENT)}
    packages.show(shelf, digest)
    seen["shown"] = os.listdir(ENVIRONMENT)
    packages.hide()
    seen["after"] = os.listdir(ENVIRONMENT)
    control.send(json.dumps(seen).encode())
    os._exit(0)
