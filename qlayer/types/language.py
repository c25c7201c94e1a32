"""The languages that a program may be written in."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """How a program is built and run; `qlayer.sandbox.runtimes` knows the tools of each."""

    PYTHON = "python"
    JAVASCRIPT = "javascript"
    TYPESCRIPT = "typescript"
    BASH = "bash"
    C = "c"
    CPP = "cpp"
    JAVA = "java"
    GO = "go"
    RUST = "rust"
    SQL = "sql"
    """SQLite's dialect."""
    BINARY = "binary"
    """An executable file of the host's architecture, run as it is."""
