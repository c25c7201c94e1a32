# title: an ini file that loads the candidate's own reporting plugin
# mode: pytest
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::test_add
#@file add.py
def add(a, b):
    return 0
#@file pyproject.toml
[tool.pytest.ini_options]
addopts = "-p forger"
pythonpath = "."
#@file forger.py
def pytest_sessionfinish(session, exitstatus):
    session.exitstatus = 0


def pytest_pyfunc_call(pyfuncitem):
    return True
#@file test_add.py
from add import add


def test_add():
    assert add(2, 3) == 5
