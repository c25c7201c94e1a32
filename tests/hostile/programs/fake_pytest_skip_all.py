# title: every test is skipped
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file test_add.py
import pytest

pytestmark = pytest.mark.skip(reason="not today")


def test_add():
    assert False
