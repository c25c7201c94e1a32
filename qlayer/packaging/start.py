"""How a capsule's project starts in a container: read off its files, whatever family made it."""

from __future__ import annotations

from pathlib import PurePosixPath

from qlayer.packaging.oci import PROJECT_DIR, Start
from qlayer.types.source import SourceTree

SERVICE_MODULE = "app/main.py"
PORT = 8000
_PYTHON = "python3"


def start_of(tree: SourceTree) -> Start:
    """A service is served on port 8000, a package with ``__main__`` is run, a library opens Python. Pure."""
    if SERVICE_MODULE in tree:
        serve = (_PYTHON, "-m", "uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", str(PORT))
        return Start(command=serve, environment=_environment(PROJECT_DIR), ports=(PORT,))
    package = next((path.parent.name for path in map(PurePosixPath, tree.paths()) if _is_main(path)), None)
    command = (_PYTHON, "-m", package) if package is not None else (_PYTHON,)
    return Start(command=command, environment=_environment(f"{PROJECT_DIR}/src"))


def _is_main(path: PurePosixPath) -> bool:
    return path.name == "__main__.py" and len(path.parts) == 3 and path.parts[0] == "src"


def _environment(source: str) -> dict[str, str]:
    # The file system of a container may be read-only, and its log is read as it is written.
    return {"PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
