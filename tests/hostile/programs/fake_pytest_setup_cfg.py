# title: a setup.cfg whose options deselect what would fail
# mode: pytest
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file setup.cfg
[tool:pytest]
addopts = --deselect test_add.py::test_add
#@file test_add.py
def test_add():
    assert False


def test_nothing():
    pass
