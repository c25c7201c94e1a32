# title: patches pytest's runner from inside the tests; a pass that this mode can never rule out
# mode: pytest
# expect: ACCEPTED
# guard: subprocess
# proof: BELIEVED
# label: forgeable
# expects-test: test_add.py::test_add
#@file add.py
import _pytest.python

_pytest.python.Function.runtest = lambda self: None


def add(a, b):
    return 0
#@file test_add.py
from add import add


def test_add():
    assert add(2, 3) == 5
