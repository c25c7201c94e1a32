"""A judge as careless as many real ones: it shares a process with the program that it judges.

Run as ``naive_judge.py MODE PAYLOAD`` in the program's folder; used only to show that a forged pass works
where nobody guards against it. Its caller believes any of the three usual signs: exit status 0, the line
"ALL TESTS PASSED" on stdout, or "PASS" on the result pipe.
"""

import importlib
import json
import os
import sys


def judge_values(cases, result):
    module = importlib.import_module("main")
    for function, arguments, literal in cases:
        expected = eval(literal)
        assert getattr(module, function)(*eval(arguments)) == expected
    os.write(result, b"PASS\n")
    print("ALL TESTS PASSED")


def judge_split(program, tests):
    """One namespace, as HumanEval's own evaluator does it."""
    exec(program + "\n" + tests, {"__name__": "judged"})


if __name__ == "__main__":
    mode, payload = sys.argv[1], json.loads(sys.argv[2])
    sys.path.insert(0, os.getcwd())
    if mode == "values":
        judge_values(payload["cases"], payload["result"])
    else:
        judge_split(payload["program"], payload["tests"])
