"""Code out of answers: what models really send."""

from __future__ import annotations

import pytest
from generation_slots import make_slot

from qlayer.generation.extract import extract_code

GOOD = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    "answer",
    [
        f"```python\n{GOOD}```",
        f"```py\n{GOOD}```\n",
        f"```\n{GOOD}```",
        f"~~~python\n{GOOD}~~~",
        f"Sure! Here it is:\n\n```python\n{GOOD}```\n\nIt adds `a` and `b`.",
        f"```python\n{GOOD}",
        f"```python\n{GOOD}<|im_end|>",
        f"```python\r\n{GOOD}```".replace("\n", "\r\n"),
        GOOD,
        f"Here is the function:\n{GOOD}\nThis function adds two numbers.",
        f"```python\ndef add(a, b):\n    '''Add.'''\n```\nThe answer:\n```python\n{GOOD}```",
        f"```python\n{GOOD}```\nUse it:\n```python\nprint(add(1, 2))\n```",
        f"```bash\npip install x\n```\n```python\n{GOOD}```",
        f"```python\ndef helper():\n    return 1\n```\n\n```python\n{GOOD}```",
        f"```python\n{GOOD}```python\ndef add(a, b):\n    return",
    ],
)
def test_the_function_is_found(answer: str) -> None:
    assert extract_code(answer, make_slot()) == GOOD


def test_without_a_fence_helpers_and_constants_stay() -> None:
    code = "import math\n\nLIMIT = 3\n\ndef add(a, b):\n    return (\n        a + b\n    )\n"
    assert extract_code(f"Code:\n{code}That is all.", make_slot()) == code


@pytest.mark.parametrize("answer", ["", "I cannot do that.", "\n\n", "```python\n```", "<|im_end|>"])
def test_no_code_is_empty(answer: str) -> None:
    assert extract_code(answer, make_slot()).strip() == ""


def test_degenerate_repetition_is_cut() -> None:
    loop = "    if a == 1 and b == 2 or a == 2 and b == 1 or a > b and b > a or True:\n        a = b +\n"
    code = extract_code("```python\ndef add(a, b):\n" + loop * 40, make_slot())
    assert code.count("if a == 1") <= 2


def test_a_table_in_working_code_is_not_taken_for_repetition() -> None:
    rows = "        'k': [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22],\n"
    code = "def add(a, b):\n    t = {\n" + rows * 6 + "    }\n    return t\n"
    assert extract_code(f"```python\n{code}```", make_slot()) == code


def test_a_fence_inside_a_string_does_not_end_the_code_early_enough_to_lose_the_function() -> None:
    code = "def add(a, b):\n    mark = '```'\n    return a + b\n"
    assert extract_code(f"```python\n{code}```", make_slot()) == code
