"""What all TypeScript families share: one program that checks such a project, with or without npm install."""

from __future__ import annotations

from pathlib import Path

from qlayer.generation.templates.render import render_folder

_FILES = Path(__file__).parent / "files"


def check_files() -> dict[str, str]:
    """``scripts/check.cjs``: type check, build and tests. Its docstring says how."""
    return render_folder(_FILES, {})
