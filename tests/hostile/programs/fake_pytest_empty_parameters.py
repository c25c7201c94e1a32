# title: a test for an empty list of parameters
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file test_add.py
import pytest


@pytest.mark.parametrize("number", [])
def test_add(number):
    assert False
