# title: reports a failing test as passed before it has run
# mode: pytest
# expect: POLICY_VIOLATION
# guard: nonce
# proof: ACCEPTED
# label: forgeable
# expects-test: test_add.py::test_add
#@file test_add.py
import json
import os

reports = [
    {"kind": "test", "id": "test_add.py::test_add", "when": when, "passed": True, "outcome": "passed"}
    for when in ("setup", "call", "teardown")
]
for report in [*reports, {"kind": "done", "status": 0}]:
    line = json.dumps({"nonce": "guessed", **report}).encode() + b"\n"
    for number in range(3, 8):
        try:
            os.write(number, line)
        except OSError:
            pass
os._exit(0)


def test_add():
    assert False
