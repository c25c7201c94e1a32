"""Families without a slot: a whole project is rendered from a folder, and a model writes nothing in it.

All that such a family is stands in its folder, so that a person's own family needs no Python.
"""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import TemplateError
from pydantic import ValidationError

from qlayer.errors import ConfigurationError, InputError
from qlayer.generation.base import Fit, Skeleton
from qlayer.generation.naming import package_name
from qlayer.generation.templates.manifest import load_manifest
from qlayer.generation.templates.render import render_folder
from qlayer.generation.templates.typescript import check_files
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec

_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_SAID = r"^[-*\s]*{name}\s*:\s*[`\"']?(?P<value>[^`\"'\n]*?)[`\"']?\s*$"
"""A line of the request such as ``- port: 8080``."""


class Scaffold:
    """A family of this kind. Raises `ConfigurationError` for a folder whose manifest is not sound."""

    def __init__(self, folder: Path) -> None:
        self._manifest = load_manifest(folder)
        self.name = self._manifest.name
        self.summary = self._manifest.summary
        self.folder = folder
        self._words = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.I) for word in self._manifest.words]

    def fit(self, spec: Spec) -> Fit:
        text = f"{spec.title} {spec.description}"
        said = next((found for word in self._words if (found := word.search(text))), None)
        if said is None or spec.tool or spec.conversions:
            return Fit(score=0.0, reason=f"the request does not speak of a {self.name}")
        return Fit(score=0.96, reason=f"the request speaks of {said[0]!r}")

    def instantiate(self, spec: Spec) -> Skeleton:
        """Raises `InputError` for a parameter's value that has no place in a file's text.

        Raises `ConfigurationError` for files that cannot be rendered.
        """
        package = package_name(spec.title).replace("_", "-")
        title = " ".join(spec.title.split())
        values = {
            "package": package,
            "title": title,
            "description": spec.description.strip(),
            **{
                one.name: self._said(one.name, one.default, spec, package)
                for one in self._manifest.parameters
            },
        }
        shared = check_files() if "typescript" in self._manifest.shared else {}
        return Skeleton(
            template=self.name,
            tree=SourceTree().with_files(shared).with_files(self._rendered(values)),
            slots=(),
            boot=self._manifest.boot,
            final=self._manifest.checks,
        )

    def _rendered(self, values: dict[str, str]) -> dict[str, str]:
        try:
            files = render_folder(self.folder / "files", values)
            SourceTree().with_files(files)
        except TemplateError as error:
            place = ":".join(
                str(part) for part in (getattr(error, "name", ""), getattr(error, "lineno", "")) if part
            )
            raise ConfigurationError(f"{self.name}: {place or 'files'}: {error.message}") from None
        except ValidationError as error:
            raise ConfigurationError(f"{self.name}: files: {error.errors()[0]['msg']}") from None
        return files

    def _said(self, name: str, default: str, spec: Spec, package: str) -> str:
        found = re.search(_SAID.format(name=re.escape(name)), spec.description, re.I | re.M)
        value = found["value"] if found else default.replace("<package>", package.replace("-", "_"))
        if not _VALUE.fullmatch(value):
            raise InputError(
                f"{name}: {value[:80]!r} cannot be used",
                field=name,
                limit="1 to 60 letters, digits, dots, hyphens and underscores",
            )
        return value
