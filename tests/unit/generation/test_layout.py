"""Free layout's protocol: plain lines, whole files, search/replace blocks; what is refused and why."""

from __future__ import annotations

import pytest

from qlayer.errors import InputError
from qlayer.generation.intake import parse_spec
from qlayer.generation.layout import MAX_LINES, edited, file_prompt, layout_prompt, read_file, read_layout
from qlayer.types.source import SourceTree

ANSWER = """\
Here are the files:
- `src/shop/prices.py`: what things cost
2. src/shop/__init__.py - the package
main.py: starts it
main.py: said twice
"""
PRICES = '''\
LIMIT = 3


class Price:
    cents: int

    def net(self, rate: float) -> float:
        """Without tax.

        More.
        """
        return secret
'''


def test_files_are_read_from_plain_lines_in_order() -> None:
    files = read_layout(ANSWER).files
    assert [(one.path, one.module) for one in files] == [
        ("src/shop/prices.py", "shop.prices"),
        ("src/shop/__init__.py", "shop"),
        ("main.py", "main"),
    ]
    assert files[0].purpose == "what things cost"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("I would rather talk.", "no Python file"),
        ("../up.py: escapes", "without empty, '.' or '..' parts"),
        ("a.py: x\nrun.sh: shell", "run.sh: only"),
        ("\n".join(f"f{n}.py: x" for n in range(13)), "13 files"),
    ],
)
def test_a_list_beyond_the_bounds_is_refused(answer: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_layout(answer)


def test_a_file_is_the_longest_block_and_at_most_so_many_lines() -> None:
    assert read_file("```\nx\n```\nand\n```python\na = 1\nb = 2\n```\n") == "a = 1\nb = 2\n"
    with pytest.raises(InputError, match="no closed fenced block"):
        read_file("```python\na = 1\n")
    with pytest.raises(InputError, match=f"has {MAX_LINES + 1} lines"):
        read_file("```python\n" + "a = 1\n" * (MAX_LINES + 1) + "```\n")


def test_blocks_replace_what_occurs_once() -> None:
    block = "<<<<<<< SEARCH\na = 1\n=======\na = 2\n>>>>>>> REPLACE\n"
    assert edited("a = 1\nb = 1\n", block) == "a = 2\nb = 1\n"
    for source in ("a = 1\na = 1\n", "c = 1\n"):
        with pytest.raises(InputError, match="not once"):
            edited(source, block)
    with pytest.raises(InputError, match="no search/replace block"):
        edited("a = 1\n", "```python\na = 2\n```")


def test_a_file_is_asked_for_with_the_heads_of_the_others_and_not_their_bodies() -> None:
    tree = SourceTree().with_files({"src/shop/prices.py": PRICES})
    layout = read_layout(ANSWER)
    (_, message) = file_prompt(parse_spec("# Shop\n\nSells."), layout, layout.files[2], tree, "it was bad")
    assert (
        "class Price:\n    cents: int\n    def net(self, rate: float) -> float: ...  # Without tax."
        in message.content
    )
    assert "secret" not in message.content and "it was bad" in message.content
    assert "path: purpose" in layout_prompt(parse_spec("# Shop"))[1].content
