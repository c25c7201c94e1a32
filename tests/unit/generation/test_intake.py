"""Requests in many forms, and what is read out of them."""

from __future__ import annotations

import pytest

from qlayer.errors import InputError
from qlayer.generation.intake import parse_spec
from qlayer.types.spec import MAX_SPEC_BYTES, Spec


def trusted(spec: Spec) -> list[tuple[str, str]]:
    return [(example.args, example.expected) for example in spec.examples]


def reasons(spec: Spec) -> list[str]:
    return [item.reason for item in spec.ignored]


@pytest.mark.parametrize(
    "line",
    [
        "add(1, 2) == 3",
        "add(1, 2) -> 3",
        "add(1, 2) --> 3",
        "add(1, 2) => 3",
        "add(1, 2) ==> 3",
        "add(1, 2)==>3",
        "add(1, 2) ➞ 3",
        "add(1, 2) → 3",
        "add(1, 2) = 3",
        "add(1, 2): 3",
        "add(1, 2) returns 3",
        "add(1, 2) returns 3.",
        "add(1, 2) should return 3",
        "add(1, 2) should be 3",
        "add(1, 2) must give 3",
        "add(1, 2) equals 3",
        "add(1, 2) is 3",
        "add(1, 2) # 3",
        "add(1, 2)   # returns 3",
        "add(1, 2) # => 3 (the sum)",
        "add(1, 2) == 3  # the sum",
        "add(1, 2) == 3, because it adds",
        "add(1, 2) == 1 + 2",
        "add(1, 2) -> 1 + 2 = 3",
        "assert add(1, 2) == 3",
        "assert add(1, 2) == 3, 'wrong'",
        "assert (add(1, 2) == 3)",
        "- add(1, 2) -> 3",
        "* `add(1, 2)` returns `3`",
        "1. `add(1, 2) == 3`",
        "For example, add(1, 2) returns 3.",
        "(e.g. add(1, 2) == 3)",
        ">>> add(1, 2)\n3",
        "    >>> add(1, 2)\n    3",
        ">>> add(1, 2) == 3\nTrue",
        ">>> add(1, 2) == 3",
        ">>> a = 1\n>>> add(a, 2)\n3",
        ">>> add(1,\n...     2)\n3",
        "add(\n  1,\n  2,\n) == 3",
        "add(1, 2) ==\n3",
        "Input: a = 1, b = 2\nOutput: 3",
        "Input: b = 2, a = 1\nOutput: 3",
        "Input:\n  a : 1\n  b : 2\nOutput: 3",
        "For a = 1, b = 2 the output should be 3",
        "| call | result |\n|---|---|\n| `add(1, 2)` | 3 |",
        "| a | b | expected |\n|--:|--:|:--|\n| 1 | 2 | `3` |",
    ],
)
def test_every_form_of_an_example_is_trusted(line: str) -> None:
    spec = parse_spec(f"# Add\n\nWrite `add(a: int, b: int) -> int`, the sum of two numbers.\n\n{line}\n")
    assert trusted(spec) == [("(1, 2)", "3")], spec.ignored
    assert spec.signature is not None
    assert spec.signature.source == "def add(a: int, b: int) -> int"
    assert spec.ignored == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("add(x, 2) == 3", "x is a name"),
        ("add(1, 2) == x", "x is a name"),
        ("add(1, 2) -> the sum", "not a Python value"),
        ("add(1, 2, 3) == 6", "passes 3 arguments"),
        ("add(1) == 6", "leaves b out"),
        ("add(1, c=2) == 6", "no free parameter c"),
        ("add(*[1, 2]) == 3", "unpacks"),
        ("add(1, 2) == 3 + foo()", "is a call"),
        ("add(1, 2) -> 3, 4", "tuple must stand in parentheses"),
        ("add(1, 2) -> (3)", "parentheses"),
        ("add(1, 2) -> 1 + 1 = 3", "do not agree"),
        ("round(add(1, 2), 1) == 3", "it calls round"),
        ("3 + add(1, 2) == 6", "part of another expression"),
        ("assert not add(1, 2) == 3", "part of another expression"),
        ("assert add(1, 2)", "not a Python value"),
        ("sub(1, 2) == -1", "it calls sub"),
        (">>> add(1, 2)", "no result follows"),
        (">>> print(add(1, 2))\n3", "it calls print"),
        (">>> add(1, 2) == 3\nFalse", "not True"),
        ("add(1, 2) raises MyError", "not a built-in exception"),
        ("Input: q = 1\nOutput: 3", "names 1 inputs"),
        ("| a | b | expected |\n|--|--|--|\n| 1 | x | 3 |", "x is a name"),
    ],
)
def test_what_cannot_be_trusted_is_reported_with_its_line(line: str, reason: str) -> None:
    spec = parse_spec(f"def add(a, b):\n    '''Add.'''\n\n{line}\n")
    assert trusted(spec) == []
    assert len(spec.ignored) == 1, spec.ignored
    assert reason in spec.ignored[0].reason
    assert spec.ignored[0].line >= 4


@pytest.mark.parametrize(
    "prose",
    [
        "It calls add(a, b) twice.",
        "The function add(a, b) returns their sum.",
        "add() is called by others.",
        "Do not use sum([1, 2]) = 3 here.",
    ],
)
def test_prose_about_the_function_is_no_example(prose: str) -> None:
    spec = parse_spec(f"def add(a, b):\n    '''Add.'''\n\n{prose}\n")
    assert spec.examples == ()


def test_an_exception_is_an_example() -> None:
    text = (
        "def root(x: float) -> float\n\nroot(4) == 2.0\nroot(-1) raises ValueError\n"
        "root('a') -> TypeError\n>>> root(None)\nTraceback (most recent call last):\n  ...\n"
        "TypeError: no number\n"
    )
    spec = parse_spec(text)
    assert [(e.args, e.expected, e.raises) for e in spec.examples] == [
        ("(4,)", "2.0", False),
        ("(-1,)", "ValueError", True),
        ("('a',)", "TypeError", True),
        ("(None,)", "TypeError", True),
    ]
    assert [e.line for e in spec.examples] == [3, 4, 5, 6]


def test_contradicting_examples_prove_nothing() -> None:
    spec = parse_spec("add(1, 2) == 3\nadd(1, 2) == 4\nadd(2, 2) == 4\nadd(2, 2) -> 4\n")
    assert trusted(spec) == [("(2, 2)", "4")]
    assert len(spec.ignored) == 2
    assert all("another example" in reason for reason in reasons(spec))


def test_a_bare_equation_beside_a_formula_is_not_trusted() -> None:
    spec = parse_spec(
        "def tri(n):\n    '''tri(1) = 3\n    tri(n) = tri(n - 1) + 1\n    tri(3) == [1, 3]'''\n"
    )
    assert trusted(spec) == [("(3,)", "[1, 3]")]


def test_keyword_arguments_and_defaults_bind() -> None:
    spec = parse_spec("def pad(text, width=3, *, fill=' '):\n    '''Pad.'''\n\npad('a', fill='.') == 'a..'\n")
    example = spec.examples[0]
    assert (example.args, example.kwargs, example.expected) == ("('a',)", "{'fill': '.'}", "'a..'")


def test_a_human_eval_prompt_keeps_its_imports_and_helpers() -> None:
    text = (
        "import math\nfrom typing import List\n\n\ndef poly(xs: list, x: float):\n    # evaluates\n"
        "    return sum(c * math.pow(x, i) for i, c in enumerate(xs))\n\n\n"
        'def first(xs: List[int], *, n: int = 1) -> List[int]:\n    """ The first n items.\n'
        '    >>> first([1, 2], n=1)\n    [1]\n    >>> first([])\n    []\n    """\n'
    )
    spec = parse_spec(text)
    assert spec.signature is not None
    assert spec.signature.source == "def first(xs: List[int], *, n: int=1) -> List[int]"
    assert spec.signature.docstring.startswith("The first n items.\n>>> first")
    assert spec.signature.preamble.startswith("import math\nfrom typing import List\n\n\ndef poly")
    assert "# evaluates" in spec.signature.preamble
    assert [e.expected for e in spec.examples] == ["[1]", "[]"]
    assert [e.line for e in spec.examples] == [12, 14]


def test_a_docstring_below_an_import_is_still_read() -> None:
    spec = parse_spec('def f(x):\n    import math\n    """Double.\n    f(2) == 4\n    """\n')
    assert trusted(spec) == [("(2,)", "4")]


def test_escapes_in_a_docstring_mean_what_the_author_wrote() -> None:
    spec = parse_spec("def lines(s):\n    '''Count.\n    >>> lines('a\\nb')\n    2\n    '''\n")
    assert trusted(spec) == [("('a\\nb',)", "2")]


def test_an_mbpp_task_gets_its_signature_from_the_assert() -> None:
    spec = parse_spec("Write a function to find the larger.\n\nassert larger(1, 2, key=None) == 2\n")
    assert spec.signature is not None
    assert spec.signature.source == "def larger(arg1, arg2, *, key=None)"
    assert spec.description == "Write a function to find the larger."
    assert trusted(spec) == [("(1, 2)", "2")]


def test_an_assert_that_cannot_be_trusted_still_names_the_function() -> None:
    spec = parse_spec("Write a function.\n\nassert set(similar((3, 4), (5, 4))) == set((4,))\n")
    assert spec.signature is not None
    assert spec.signature.source == "def similar(arg1, arg2)"


def test_markdown_with_a_code_fence() -> None:
    text = (
        "# Slugs\n\nTurn a title into a slug.\n\n```python\nimport re\n\n"
        "def slug(title: str) -> str:\n    ...\n```\n\n"
        "## Examples\n\n- `slug('A b') == 'a-b'`\n"
    )
    spec = parse_spec(text)
    assert spec.title == "Slugs"
    assert spec.signature is not None
    assert spec.signature.preamble == "import re"
    assert spec.description.startswith("Turn a title into a slug.")
    assert "```" not in spec.description and "'a-b'" not in spec.description
    assert trusted(spec) == [("('A b',)", "'a-b'")]


def test_backticks_inside_a_string_stay() -> None:
    spec = parse_spec("`mark(s)` wraps a word.\n\nmark(\"`a`\") == '`'\n")
    assert trusted(spec) == [("('`a`',)", "'`'")]


@pytest.mark.parametrize("arrow", ["->", "=>", "➞", "→"])
def test_pairs_are_examples_of_a_function_of_one_argument(arrow: str) -> None:
    spec = parse_spec(f'Reverse the words of a sentence, e.g. "a b" {arrow} "b a"\n\n- "" {arrow} ""\n')
    assert spec.signature is not None
    assert spec.signature.source == "def reverse_words_sentence(value)"
    assert trusted(spec) == [("('a b',)", "'b a'"), ("('',)", "''")]


def test_pairs_need_a_function_of_one_argument() -> None:
    spec = parse_spec("Write `add(a, b)`.\n\n1 -> 2\n")
    assert spec.examples == ()


def test_a_class_is_refused_with_a_way_out() -> None:
    with pytest.raises(InputError, match="the class Stack") as caught:
        parse_spec("class Stack:\n    def push(self, x): ...\n")
    assert caught.value.hint


def test_sentences_with_an_example_stay_whole() -> None:
    spec = parse_spec(
        "# Merge\n\nSorted or not: merge([2, 1]) -> [1, 2].\n\nExamples:\n\n- merge([]) -> []\n"
    )
    assert spec.description == "Sorted or not: merge([2, 1]) -> [1, 2]."
    assert len(spec.examples) == 2


def test_plain_words_alone_are_enough() -> None:
    spec = parse_spec("Write a function that says whether a word is a palindrome")
    assert spec.title == "Write a function that says whether a word is a palindrome"
    assert spec.signature is None
    assert spec.examples == ()


def test_a_long_title_is_cut_between_words() -> None:
    spec = parse_spec("word " * 60)
    assert len(spec.title) <= 80
    assert spec.title.endswith("word...")


def test_of_several_unfinished_functions_each_has_its_examples() -> None:
    spec = parse_spec(
        "def f(x):\n    '''One.\n\n    >>> f(1)\n    2\n    '''\n\n"
        "def g(x):\n    '''Two.'''\n\ng(1) == 4\nf(2) == 3\n"
    )
    assert spec.signature is not None and spec.signature.name == "g"
    assert [(one.name, one.docstring.splitlines()[0]) for one in spec.helpers] == [("f", "One.")]
    assert {(one.function, one.args, one.expected) for one in spec.examples} == {
        ("f", "(1,)", "2"),
        ("f", "(2,)", "3"),
        ("g", "(1,)", "4"),
    }


def test_too_many_unfinished_functions_are_refused() -> None:
    with pytest.raises(InputError, match="9 functions") as caught:
        parse_spec("".join(f"def f{n}(x):\n    ...\n\n" for n in range(9)))
    assert caught.value.field == "text" and caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (" \n\t\n", "empty"),
        ("12 + 3 = ?", "no words"),
        ("a\0b", "U\\+0000 in line 1"),
        ("ok\n\x1b[31m", "U\\+001B in line 2"),
        ("a\ud800", "U\\+D800"),
        ("x" * (MAX_SPEC_BYTES + 1), f"at most {MAX_SPEC_BYTES}"),
        ("é" * (MAX_SPEC_BYTES // 2 + 1), f"at most {MAX_SPEC_BYTES}"),
    ],
)
def test_bad_input_names_the_field_and_the_limit(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_spec(text)
    assert caught.value.field == "text"
    assert caught.value.limit


def test_windows_newlines_and_a_byte_order_mark_are_no_obstacle() -> None:
    spec = parse_spec("\ufeffdef f(x):\r\n    '''Same.\r\n    >>> f(1)\r\n    1\r\n    '''\r\n")
    assert trusted(spec) == [("(1,)", "1")]


@pytest.mark.parametrize(
    "text",
    [
        "f(" * 5_000,
        "f(1) == " + "[" * 20_000,
        "f(1) == " + "-" * 20_000 + "1",
        "f(1) == 9 ** 9 ** 9 ** 9",
        "f(1) == [0] * 10 ** 9",
        "f(1) == 'a' * 10 ** 12",
        "f(1) == 1 << 10 ** 9",
        "a " * 30_000,
        "Input: " * 9_000,
        "for a = " * 7_000,
        "| a |\n" * 9_000,
        "def f(" * 9_000,
        "```python\ndef f(" * 3_000,
        ">>> f(\n" * 8_000,
        "(" * 60_000 + "a",
        "'" * 60_000 + "a",
    ],
)
@pytest.mark.timeout(60)
def test_hostile_text_ends_soon_and_proves_nothing(text: str) -> None:
    try:
        spec = parse_spec(text[:MAX_SPEC_BYTES])
    except InputError:
        return
    assert spec.examples == ()


def test_a_service_is_left_to_the_reader_of_http() -> None:
    spec = parse_spec("# Books\n\nBook: title (str)\n\n- GET /books lists all\n\nGET /books -> 200\n")
    assert spec.routes and spec.scenario
    assert spec.signature is None and spec.examples == ()


def test_reading_is_deterministic() -> None:
    text = "Write add(a, b).\nadd(1, 2) == 3\nadd({1, 2, 3}, {'b', 'a'}) == 5\n"
    assert parse_spec(text).digest == parse_spec(text).digest


def test_the_heading_of_the_examples_is_no_title() -> None:
    spec = parse_spec(
        "Write `slugify(text: str) -> str` that joins words.\n\n## Examples\n\nslugify('A b') == 'a-b'\n"
    )
    assert spec.title == "Write slugify(text: str) -> str that joins words."
