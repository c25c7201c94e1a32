"""Ray's logs of a start that failed: the part worth showing, and a copy of all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from qlayer.app.stack.state import StackState

TAIL_CHARS = 3_000


def log_tail(state: StackState) -> str:
    """The end of the log that most likely says what went wrong.

    A port clash shows in the dashboard agent's log only; the head merely says that the node timed out.
    """
    agent = _read(state.logs_dir / "dashboard_agent.log")
    text = agent if "in use" in agent else _read(state.temp_dir / "head.log")
    return text[-TAIL_CHARS:].strip() or "(no log was written)"


def keep_logs(state: StackState, data_dir: Path) -> None:
    """Copy the logs out of the folder that is about to be removed."""
    if state.logs_dir.is_dir():
        kept = data_dir / "logs" / f"stack-{state.id}"
        shutil.copytree(state.logs_dir, kept, dirs_exist_ok=True, ignore_dangling_symlinks=True)


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
