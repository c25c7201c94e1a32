"""A person's own family: a folder like those of the shipped ones, without Python.

It is read as a stranger's: no link, no device, nothing large, and its templates run in Jinja2's sandbox.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from qlayer.errors import ConfigurationError
from qlayer.generation.templates.scaffold import Scaffold

MAX_FILES = 500
MAX_FILE_BYTES = 1024 * 1024


def load_family(folder: Path) -> Scaffold:
    """Raises `ConfigurationError` naming the file, and the field or the limit that is wrong."""
    count = 0
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent) / name
            said = path.lstat()
            where = f"{folder.name}: {path.relative_to(folder)}"
            if not (stat.S_ISREG(said.st_mode) or stat.S_ISDIR(said.st_mode)):
                raise ConfigurationError(f"{where} is a link or a device: a family holds plain files only")
            if said.st_size > MAX_FILE_BYTES and stat.S_ISREG(said.st_mode):
                raise ConfigurationError(f"{where} has {said.st_size} bytes; at most {MAX_FILE_BYTES}")
        count += len(names)
        if count > MAX_FILES:
            raise ConfigurationError(f"{folder.name} holds more than {MAX_FILES} files")
    family = Scaffold(folder)
    if not (folder / "files").is_dir():
        raise ConfigurationError(f"{folder.name}: files: there is no such folder")
    return family
