# title: a fixture for all tests that skips them
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file test_add.py
import pytest


@pytest.fixture(autouse=True)
def absent():
    pytest.skip("not today")


def test_add():
    assert False
