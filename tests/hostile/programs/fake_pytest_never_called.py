# title: a test that is a generator, which is never run
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file test_add.py
import pytest

pytestmark = pytest.mark.skipif("True", reason="never")


def test_add():
    raise AssertionError
