"""The private channel from a child to the host: lines of JSON, each with the run's nonce.

The host believes nothing without the nonce and nothing twice. What code in the same process can forge with
it is said in docs/sandbox.md and in the evidence.
"""

from __future__ import annotations

import json
import os

MAX_LINE = 2 * 1024 * 1024
"""Bytes of one line; the host ends a run that sends longer ones."""
_JSON = json.JSONEncoder(separators=(",", ":"), check_circular=False)


class Report:
    """Writes lines. Not safe for threads: drivers use it from one."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.nonce = ""

    def send(self, kind: str, **fields: object) -> None:
        """One line. Raises OSError when the program closed the descriptor."""
        more = "," + _JSON.encode(fields)[1:-1] if fields else ""
        line = f'{{"nonce":"{self.nonce}","kind":"{kind}"{more}}}\n'.encode()
        written = os.write(self._fd, line)
        while written < len(line):
            written += os.write(self._fd, line[written:])
