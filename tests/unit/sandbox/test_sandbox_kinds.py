"""Which zygote a job gets, by what its files import."""

from __future__ import annotations

import pytest

from qlayer.sandbox import interpreter
from qlayer.sandbox.base import ProgramJob
from qlayer.sandbox.warm.plan import Kind, Rejected, make
from qlayer.types.source import SourceTree

SCIENCE = Kind.SCIENCE if interpreter.has_science() else Kind.BARE


def kind(code: str, environment: str | None = None) -> Kind:
    tree = SourceTree().with_files({"main.py": "", "package/inner/it.py": code, "notes.txt": "import numpy"})
    return make(ProgramJob(tree=tree, path="main.py", environment=environment)).kind


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import numpy", SCIENCE),
        ("import os, numpy as np", SCIENCE),
        ("    from numpy.linalg import inv", SCIENCE),
        ("import pandas.io.json", SCIENCE),
        ("import fastapi\nimport numpy", SCIENCE),
        ("from fastapi.testclient import TestClient", Kind.WEB),
        ("import json, httpx", Kind.WEB),
        ("import numpydoc\nimport my_pandas\nfrom . import numpy_like", Kind.BARE),
        ("x = 'import numpy'\n# import numpy", Kind.BARE),
        ("import json  # , numpy", Kind.BARE),
        ("import package.numpy", Kind.BARE),
    ],
)
def test_the_imports_of_any_file_choose(code: str, expected: Kind) -> None:
    assert kind(code) is expected


def test_prepared_packages_take_a_zygote_without_warm_ones() -> None:
    assert kind("import numpy, fastapi", environment="sha256:" + "a" * 64) is Kind.BARE


@pytest.mark.parametrize("name", ["", "a" * 64, "sha256:" + "A" * 64, "sha256:" + "0" * 64, "../x"])
def test_what_is_no_digest_of_packages_is_rejected(name: str) -> None:
    with pytest.raises(Rejected, match="environment"):
        kind("", environment=name)
