"""How a project starts, read off its files."""

from __future__ import annotations

from qlayer.packaging.start import start_of
from qlayer.types.source import SourceTree


def test_a_service_is_served() -> None:
    start = start_of(SourceTree(files={"app/main.py": b"", "src/x/__main__.py": b""}))
    assert start.command[:4] == ("python3", "-m", "uvicorn", "app.main:app")
    assert (start.ports, start.environment["PYTHONPATH"]) == ((8000,), "/app")


def test_a_program_is_run_and_a_library_opens_python() -> None:
    program = start_of(SourceTree(files={"src/books/__main__.py": b"", "src/books/cli.py": b""}))
    library = start_of(SourceTree(files={"src/books/core.py": b"", "tests/__main__.py": b""}))
    assert program.command == ("python3", "-m", "books") and program.ports == ()
    assert library.command == ("python3",) and library.environment["PYTHONPATH"] == "/app/src"
