# title: the failing test is replaced by one of another name that passes
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file test_add.py
def test_something_else():
    assert True
