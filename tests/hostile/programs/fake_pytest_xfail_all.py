# title: every test is expected to fail
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file test_add.py
import pytest

pytestmark = pytest.mark.xfail


def test_add():
    assert False
