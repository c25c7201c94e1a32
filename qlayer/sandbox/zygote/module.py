"""Compiling and importing the judged module, as two steps that can be told apart in the report."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType

from qlayer.sandbox.zygote.protocol import WORK
from qlayer.sandbox.zygote.report import Report


class _Compiled(importlib.machinery.SourceFileLoader):
    """A loader that has the code already."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class _Finder:
    """Finds one module, the compiled one, before the path is searched."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        self._name = name
        self._path = path
        self._loader = _Compiled(name, path, code)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=self._loader)


def use_tree() -> None:
    """Make the tree's root and its ``src`` importable, first of all."""
    sys.path.insert(0, WORK)
    if os.path.isdir(source := f"{WORK}/src"):
        sys.path.insert(0, source)


def load(name: str, report: Report) -> ModuleType:
    """Compile, report ``compiled``, import, report ``imported``. Raises what the program raises."""
    use_tree()
    path = _locate(name)
    code = compile_file(path) if path is not None else None
    if code is not None and path is not None:
        sys.meta_path.insert(0, _Finder(name, path, code))
    report.send("compiled")
    if code is None or path is None or "." in name or path.endswith("/__init__.py") or name in sys.modules:
        module = importlib.import_module(name)
    else:
        module = _executed(name, path, code)
    report.send("imported")
    return module


def _executed(name: str, path: str, code: CodeType) -> ModuleType:
    """What importlib does with a plain module, at a third of the cost."""
    module = ModuleType(name)
    loader = _Compiled(name, path, code)
    spec = importlib.machinery.ModuleSpec(name, loader, origin=path)
    spec.has_location = True
    module.__dict__.update(__file__=path, __loader__=loader, __spec__=spec, __package__="")
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    # It may have put something else in its place.
    return sys.modules[name]


def compile_file(path: str) -> CodeType:
    with open(path, "rb") as file:
        return compile(file.read(), path, "exec", dont_inherit=True)


def _locate(name: str) -> str | None:
    stem = name.replace(".", "/")
    for base in (f"{WORK}/src", WORK):
        for path in (f"{base}/{stem}.py", f"{base}/{stem}/__init__.py"):
            if os.path.isfile(path):
                return path
    return None
