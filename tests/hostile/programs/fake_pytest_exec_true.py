# title: becomes a program that ends with status 0, inside a test
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file test_add.py
import os


def test_add():
    os.execv("/usr/bin/env", ["env"])
