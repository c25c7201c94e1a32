# title: a planted pytest.py that stands before the real one
# mode: pytest
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file pytest.py
raise SystemExit(0)
#@file test_add.py
def test_add():
    assert False
