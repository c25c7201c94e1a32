# title: a pytest.ini whose options deselect what would fail
# mode: pytest
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file add.py
def add(a, b):
    return 0
#@file pytest.ini
[pytest]
addopts = --deselect test_add.py::test_add
#@file test_add.py
from add import add


def test_add():
    assert add(2, 3) == 5


def test_nothing():
    pass
