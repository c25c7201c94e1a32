# title: an honest project with honest tests
# mode: pytest
# expect: ACCEPTED
# guard: none
# label: forgeable
# expects-test: tests/test_add.py::test_add
# expects-test: tests/test_add.py::test_many[1]
# expects-test: tests/test_add.py::test_many[2]
#@file add.py
def add(a, b):
    return a + b
#@file tests/test_add.py
import pytest

from add import add


def test_add(tmp_path):
    assert add(2, 3) == 5


@pytest.mark.parametrize("number", [1, 2])
def test_many(number):
    assert add(number, 0) == number
