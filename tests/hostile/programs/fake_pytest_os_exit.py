# title: ends the test session with status 0 while it is collected
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file add.py
import os

os._exit(0)
#@file test_add.py
from add import add


def test_add():
    assert add(2, 3) == 5
