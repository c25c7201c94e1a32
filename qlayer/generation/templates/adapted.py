"""Families in which a platform calls one function: the function is the model's, the adapter the family's.

The project is that of the `function` family with the adapter's files laid over it. The adapter's own tests
put a stand-in in the function's place, so they pass before the model has written anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from qlayer.errors import InputError
from qlayer.generation.base import Fit, Skeleton
from qlayer.generation.naming import package_name
from qlayer.generation.templates.function import FunctionTemplate
from qlayer.generation.templates.render import render_folder
from qlayer.types.check import BootPlan, PytestPlan
from qlayer.types.frozen import Frozen
from qlayer.types.spec import Signature, Spec

ADAPTER_TESTS = "adapter tests"
_FUNCTION = FunctionTemplate()


class Adapter(Frozen):
    """What tells one such family from another."""

    name: str
    summary: str
    folder: Path
    speaks: re.Pattern[str]
    """Words by which a request asks for it."""
    module: str
    """The adapter's module in the project's package; importing it needs nothing but the standard library."""
    tests: tuple[str, ...]
    """Tests of the adapter in ``tests/test_<module>.py``."""
    parameters: Mapping[str, re.Pattern[str]] = {}
    """What a request may say, each with the group ``value``."""
    defaults: Mapping[str, str] = {}
    """What holds otherwise; ``{package}`` stands for the package's name."""


class AdaptedFunction:
    """A family of this kind."""

    def __init__(self, adapter: Adapter) -> None:
        self.name = adapter.name
        self.summary = adapter.summary
        self.folder = adapter.folder
        self._adapter = adapter

    def fit(self, spec: Spec) -> Fit:
        said = self._adapter.speaks.search(f"{spec.title} {spec.description}")
        if said is None or spec.routes or spec.scenario or spec.tool or spec.conversions:
            return Fit(score=0.0, reason=f"the request does not speak of a {self.name}")
        return Fit(score=0.95, reason=f"the request speaks of {said[0].strip()!r}")

    def instantiate(self, spec: Spec) -> Skeleton:
        """Raises `InputError` for a request without the head of the function that is called."""
        if spec.signature is None:
            raise InputError(
                f"a {self.name} calls one function, and the request shows no head of it",
                field="text",
                limit="one `def name(argument: type, ...) -> type`",
            )
        inner = _FUNCTION.instantiate(spec)
        package = package_name(spec.signature.name)
        values = {**self._values(spec, spec.signature, package), "package": package}
        tests = f"tests/test_{self._adapter.module}.py"
        own = PytestPlan(
            name=ADAPTER_TESTS,
            paths=(tests,),
            expected_tests=tuple(f"{tests}::{name}" for name in self._adapter.tests),
        )
        return inner.model_copy(
            update={
                "template": self.name,
                "tree": inner.tree.with_files(render_folder(self.folder / "files", values)),
                "boot": (*inner.boot, BootPlan(name="adapter", module=f"{package}.{self._adapter.module}")),
                "final": (*inner.final, own),
            }
        )

    def _values(self, spec: Spec, signature: Signature, package: str) -> dict[str, object]:
        text = f"{spec.title}\n{spec.description}"
        found = {name: pattern.search(text) for name, pattern in self._adapter.parameters.items()}
        said = {
            name: one["value"] if one is not None else self._adapter.defaults[name].format(package=package)
            for name, one in found.items()
        }
        return {
            **said,
            "distribution": package.replace("_", "-"),
            "title": spec.title,
            "title_line": " ".join(spec.title.split()).replace("\\", "/").replace('"', "'").rstrip(".") + ".",
            "function": signature.name,
            "signature": signature.source,
            "arguments": argument_names(signature),
        }


def argument_names(signature: Signature) -> tuple[str, ...]:
    """Names of the parameters, in order. Raises `InputError` for ``*args`` and ``**kwargs``."""
    function = ast.parse(f"{signature.source}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    if arguments.vararg is not None or arguments.kwarg is not None:
        raise InputError(
            f"{signature.name} takes any number of arguments, which a message cannot name",
            field="text",
            limit="named parameters",
        )
    return tuple(one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
