"""The host as an attacker would like to find it: a readable secret, a writable folder, listening servers."""

from __future__ import annotations

import os
import selectors
import shutil
import socket
import tempfile
import threading
from pathlib import Path

SECRET = "A SECRET OF THE HOST"
GREETING = b"HELLO FROM THE HOST"


class Host:
    """Baits for the corpus; use as ``with``. Lies below /var/tmp, since /tmp may be private to a run."""

    def __enter__(self) -> Host:
        self.folder = Path(tempfile.mkdtemp(prefix="hostile-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        (self.folder / "secret").write_text(SECRET)
        (self.folder / "secret").chmod(0o644)
        self.drop = self.folder / "drop"
        self.drop.mkdir()
        self.drop.chmod(0o777)
        abstract = f"hostile-{os.getpid()}"
        self._listeners = [
            _listen(socket.AF_INET, ("127.0.0.1", 0)),
            _listen(socket.AF_UNIX, "\0" + abstract),
            _listen(socket.AF_UNIX, str(self.folder / "socket")),
        ]
        (self.folder / "socket").chmod(0o777)
        self.places = {
            "folder": str(self.folder),
            "port": str(self._listeners[0].getsockname()[1]),
            "abstract": abstract,
            "name": socket.gethostname(),
        }
        self.callers = 0
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._greet, name="hostile-host")
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.close()
        self._thread.join()
        for listener in (*self._listeners, self._stopped):
            listener.close()
        shutil.rmtree(self.folder)

    def _greet(self) -> None:
        with selectors.DefaultSelector() as selector:
            for waited in (*self._listeners, self._stopped):
                selector.register(waited, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._stopped:
                        return
                    caller, _ = key.fileobj.accept()  # type: ignore[union-attr]
                    with caller:
                        self.callers += 1
                        caller.sendall(GREETING)


def _listen(family: int, address: object) -> socket.socket:
    listener = socket.socket(family)
    listener.bind(address)  # type: ignore[arg-type]
    listener.listen()
    return listener
