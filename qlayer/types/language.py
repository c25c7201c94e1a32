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


SUFFIXES: dict[Language, tuple[str, ...]] = {
    Language.PYTHON: (".py",),
    Language.JAVASCRIPT: (".js", ".cjs"),
    Language.TYPESCRIPT: (".ts",),
    Language.BASH: (".sh",),
    Language.C: (".c",),
    Language.CPP: (".cpp", ".cc", ".cxx"),
    Language.JAVA: (".java",),
    Language.GO: (".go",),
    Language.RUST: (".rs",),
    Language.SQL: (".sql",),
    Language.BINARY: ("",),
}
"""How the names of a language's programs end; the platform gives its own the first."""
BY_SUFFIX = {suffix: language for language, suffixes in SUFFIXES.items() for suffix in suffixes if suffix}
"""A program's language by the end of its name; an executable has none to be known by."""
