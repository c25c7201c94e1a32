"""What a family says of itself, with a request and an answer to try it with.

A family's folder holds ``family.toml``, ``sample.md`` (a request that it fits best) and ``reference.py``
(what a person would write into the sample's slots). With the three a family is tried without a model.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from qlayer.errors import ConfigurationError
from qlayer.types.check import CheckPlan
from qlayer.types.frozen import Frozen
from qlayer.types.language import Language

MANIFEST, SAMPLE, REFERENCE = "family.toml", "sample.md", "reference.py"


class Parameter(Frozen):
    """Something that a request may say to shape the project."""

    name: str
    said: str
    """How a request says it."""
    default: str
    """What holds when it does not."""


class Manifest(Frozen):
    """A family of projects, for people who choose one."""

    name: str = Field(pattern=r"\A[a-z][a-z0-9-]{0,39}\z")
    summary: str = Field(min_length=10, max_length=120)
    slots: str
    """What the model writes, as a sentence."""
    tests: str
    """Which tests are trusted, as a sentence."""
    runtimes: tuple[str, ...] = Field(min_length=1)
    """What runs it, such as ``python>=3.11``."""
    packages: tuple[str, ...] = ()
    """What the finished project needs beside its runtime."""
    licence: str
    """SPDX id of the files that the family gives."""
    parameters: tuple[Parameter, ...] = ()
    words: tuple[str, ...] = ()
    """For a scaffold: what a request says that wants it, such as ``single-page``; compared without case."""
    shared: tuple[Literal["typescript"], ...] = ()
    """For a scaffold: files of the platform that are laid under its own."""
    boot: tuple[CheckPlan, ...] = ()
    """For a scaffold: the checks that show it alive."""
    checks: tuple[CheckPlan, ...] = ()
    """For a scaffold: its own tests."""
    needs: tuple[Language, ...] = ()
    """Languages whose tools the host must have for its checks to be run, beside Python."""
    unchecked: tuple[str, ...] = ()
    """What no dry run tries, each with the reason."""
    sample: str
    """A request that this family fits best."""
    reference: str
    """Python with a function for each slot of the sample; its tests pass with them."""


def load_manifest(folder: Path) -> Manifest:
    """Raises `ConfigurationError` naming the file and the field that is wrong."""
    try:
        said = tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        texts = {"sample": SAMPLE, "reference": REFERENCE}
        read = {name: (folder / file).read_text(encoding="utf-8") for name, file in texts.items()}
        return Manifest.model_validate({**said, **read})
    except OSError as error:
        raise ConfigurationError(f"{folder.name}: {Path(error.filename).name}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{folder.name}: {MANIFEST}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{folder.name}: {MANIFEST}: {where}: {first['msg']}") from None
