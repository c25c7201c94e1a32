"""Putting a function in its place: everything else stays byte for byte."""

from __future__ import annotations

import pytest
from generation_slots import make_slot

from qlayer.errors import InputError
from qlayer.generation.splice import fill, read
from qlayer.types.source import SourceTree

PATH = "src/sums/core.py"
SKELETON = '''"""Sums — ≥ 0."""

import math  # noqa

LIMIT = 10   # odd   spacing stays


def before():   # comment
    return 1


@register( "add" )
def add(a: int, b: int = 0) -> int:
    """Add two numbers.

    More.
    """
    raise NotImplementedError


def after():
    return  add(1,  2)
'''


def filled(code: str, source: str = SKELETON, **slot: str) -> str:
    return fill(SourceTree().with_files({PATH: source}), make_slot(**slot), code).text(PATH)  # type: ignore[arg-type]


def test_only_the_body_changes() -> None:
    text = filled("def add(a, b):\n    '''Mine.'''\n    # sum\n    return a + b\n")
    assert text == SKELETON.replace("    raise NotImplementedError", "    # sum\n    return a + b")


def test_imports_are_hoisted_once_and_sorted() -> None:
    code = "import re\nimport math\nfrom typing import List, Any\n\ndef add(a, b):\n    return re.sub(a, b)\n"
    text = filled(code)
    expected = "import math  # noqa\nfrom typing import Any\nfrom typing import List\nimport re\n"
    assert expected in text
    assert filled(code, text) == text


def test_a_future_import_goes_to_the_top() -> None:
    text = filled("from __future__ import annotations\n\ndef add(a, b):\n    return a\n")
    assert text.startswith('"""Sums — ≥ 0."""\n\nfrom __future__ import annotations\n')
    compile(text, "core.py", "exec")


def test_imports_into_a_file_without_any() -> None:
    text = filled(
        "import re\n\ndef add(a, b):\n    return re\n", '"""Doc."""\n\n\ndef add(a, b):\n    pass\n'
    )
    assert text == '"""Doc."""\n\nimport re\n\n\ndef add(a, b):\n    return re\n'


def test_helpers_stand_above_the_function_and_its_decorators() -> None:
    text = filled(
        "STEP = 2\n\ndef twice(x):\n    return STEP * x\n\ndef add(a, b):\n    return twice(a) + b\n"
    )
    assert "STEP = 2\n\ndef twice(x):\n    return STEP * x\n\n\n@register" in text
    compile(text, "core.py", "exec")


def test_a_helper_that_the_platform_owns_is_not_repeated() -> None:
    code = "def before():\n    return 2\n\ndef add(a, b):\n    return before()\n"
    text = filled(code, context="def before(): ...")
    assert text.count("def before") == 1 and "return 2" not in text


def test_a_helper_with_a_taken_name_gets_its_own() -> None:
    code = "def before():\n    return 2\n\ndef add(a, b):\n    return before()\n"
    text = filled(code)
    assert "def _add_before():\n    return 2" in text
    assert "    return _add_before()\n" in text
    assert "def before():   # comment\n    return 1" in text


def test_strings_over_several_lines_are_not_moved() -> None:
    source = "class Box:\n    @property\n    def add(self):\n        ...\n"
    code = "def add(self):\n    text = '''a\n  b\nc  '''\n    return text\n"
    text = filled(code, source, name="Box.add", signature="def add(self)")
    assert text == (
        "class Box:\n    @property\n    def add(self):\n"
        "        text = '''a\n  b\nc  '''\n        return text\n"
    )


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("def add(a, b): return a + b\n", "    return a + b\n"),
        ("def add(\n    a,\n    b,\n):\n    return a + b\n", "    return a + b\n"),
        (
            "def add(a, b):  # adds\n\n    return (a +\n            b)\n",
            "\n    return (a +\n            b)\n",
        ),
        ("def add(a, b):\n  if a:\n    return a\n  return b\n", "    if a:\n      return a\n    return b\n"),
    ],
)
def test_layouts_of_a_body(code: str, body: str) -> None:
    text = filled(code)
    assert f'    """\n{body}\n\ndef after' in text
    compile(text, "core.py", "exec")


def test_another_head_is_taken_from_the_model() -> None:
    text = filled("def add(first, second):\n    return first\n", SKELETON.replace('@register( "add" )\n', ""))
    assert 'def add(first, second):\n    """Add two numbers.\n' in text


def test_decorators_of_the_model_are_kept_where_the_skeleton_has_none() -> None:
    code = "from functools import cache\n\n@cache\ndef add(a, b):\n    return a\n"
    assert "@cache\ndef add(a: int" in filled(code, SKELETON.replace('@register( "add" )\n', ""))
    assert "@cache" not in filled(code)


def test_read_gives_back_what_was_filled() -> None:
    tree = SourceTree().with_files({PATH: SKELETON})
    after = fill(tree, make_slot(), "def add(a, b):\n    return a + b\n")
    assert read(after, make_slot()).startswith("def add(a: int, b: int = 0) -> int:\n")
    assert read(after, make_slot()).endswith("    return a + b\n")


def test_filling_is_deterministic_and_leaves_the_old_tree() -> None:
    tree = SourceTree().with_files({PATH: SKELETON})
    code = "import re\n\ndef h():\n    return 1\n\ndef add(a, b):\n    return h()\n"
    assert fill(tree, make_slot(), code).digest == fill(tree, make_slot(), code).digest
    assert tree.text(PATH) == SKELETON


def test_a_missing_function_is_an_input_error() -> None:
    with pytest.raises(InputError, match="has no function"):
        filled("def add(a, b):\n    return 1\n", "x = 1\n")
    with pytest.raises(InputError, match="does not define"):
        filled("x = 1\n")
