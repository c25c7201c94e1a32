# title: a planted sitecustomize.py that patches pytest before it starts
# mode: pytest
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file add.py
def add(a, b):
    return 0
#@file sitecustomize.py
import _pytest.python

_pytest.python.Function.runtest = lambda self: None
#@file test_add.py
from add import add


def test_add():
    assert add(2, 3) == 5
