"""What the import graph finds, without running anything."""

from __future__ import annotations

import pytest

from qlayer.types.source import SourceTree
from qlayer.validation.import_graph import import_problems


def problems(**files: str) -> tuple[str, ...]:
    paths = {f"src/pkg/{name}.py": text for name, text in files.items()}
    return import_problems(SourceTree().with_files({"src/pkg/__init__.py": "", **paths}))


def test_a_sound_project_has_no_problems() -> None:
    assert (
        problems(
            a="import os\nfrom pkg import b\nfrom pkg.b import size, LIMIT\nimport pkg.b as c\n",
            b="from math import sqrt\nLIMIT = 1\ndef size(x): return sqrt(x)\n",
        )
        == ()
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from pkg.c import x\n", "pkg.a imports pkg.c, which is not there (line 1)"),
        ("import pkg.c\n", "pkg.a imports pkg.c, which is not there (line 1)"),
        ("\nfrom pkg.b import gone\n", "pkg.a imports pkg.b.gone, which is not there (line 2)"),
        ("from .b import gone\n", "pkg.a imports pkg.b.gone, which is not there (line 1)"),
        ("def f():\n    from pkg.b import gone\n", "pkg.a imports pkg.b.gone, which is not there (line 2)"),
    ],
)
def test_what_is_missing_is_named_with_its_line(text: str, said: str) -> None:
    assert problems(a=text, b="x = 1\n") == (said,)


def test_a_cycle_is_named_unless_one_import_waits_for_a_call() -> None:
    (said,) = problems(a="from pkg.b import y\nx = 1\n", b="from pkg.a import x\ny = 1\n")
    assert said.startswith("modules import each other: ") and "pkg.a" in said
    assert problems(a="from pkg.b import y\n", b="def y():\n    from pkg import a\n    return a\n") == ()


def test_files_that_do_not_parse_are_left_to_others() -> None:
    assert problems(a="def (:\n") == ()
