# title: pytest.exit with status 0 inside a test
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file test_add.py
import pytest


def test_add():
    pytest.exit("done", returncode=0)
