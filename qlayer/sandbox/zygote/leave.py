"""Shows the host what a run has left, when nothing of the run is alive and before its /tmp is dropped.

Only a descriptor goes out, of the mount that the platform made and no run can replace. The host opens files
beneath it; no name and no byte of them passes through the zygote.
"""

from __future__ import annotations

import os
import socket

from qlayer.sandbox.zygote.protocol import FILES, TAKEN


def show(control: socket.socket) -> None:
    """Returns when the host has taken what it wants. Ends this process when the host is gone."""
    tmp = os.open("/tmp", os.O_PATH | os.O_DIRECTORY)
    try:
        socket.send_fds(control, [FILES], [tmp])
    finally:
        os.close(tmp)
    while (packet := control.recv(16)) != TAKEN:
        if not packet:
            os._exit(0)
