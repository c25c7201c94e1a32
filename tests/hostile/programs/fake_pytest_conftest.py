# title: a conftest.py that turns every failure into a pass
# mode: pytest
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file add.py
def add(a, b):
    return 0
#@file conftest.py
import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome, report.longrepr = "passed", None
#@file test_add.py
from add import add


def test_add():
    assert add(2, 3) == 5
