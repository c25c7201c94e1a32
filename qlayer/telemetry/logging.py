"""Logs as one JSON object a line, or as plain text for a terminal.

Only an application calls `configure`; the library logs through `logging.getLogger(__name__)` and never
configures anything.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal, TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """``{"time", "level", "logger", "message"}``, then what was given as `extra`, then the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(stream: TextIO, *, level: str = "INFO", form: Literal["json", "text"] = "text") -> None:
    """Send qlayer's logs to `stream`, replacing what an earlier call set. Other libraries keep theirs."""
    handler = logging.StreamHandler(stream)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logger = logging.getLogger("qlayer")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
