"""Runs programs of the corpus many times on a host that is kept busy, and lists those that are not steady.

``python tests/hostile/flips.py [--times 20] [--busy 5] [--unguarded] [NAME ...]``. Guarded, a program
flips when its outcome is not the expected one or its proof is seen; unguarded, when its attack does not
succeed. A run that the host spoilt (NO_VERDICT) is counted apart: it is nobody's verdict. Status 1: something
flipped.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from hostile_corpus import CORPUS, Program
from hostile_host import Host

from qlayer.sandbox.base import SandboxResult
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.verdict import Outcome


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Processes of the same priority that never sleep."""
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for each in burning:
            each.kill()
            each.wait()


async def in_a_row(sandbox: WarmSandbox, program: Program, host: Host) -> SandboxResult:
    for _ in range(program.runs):
        result = await sandbox.run(program.job(host.places), program.limits)
    return result


def stopped(program: Program, result: SandboxResult) -> bool:
    expected = {Outcome.ACCEPTED} if program.benign else program.expected
    return result.verdict.outcome in expected and not (program.proof_is_text and proved(program, result))


def proved(program: Program, result: SandboxResult) -> bool:
    if program.proof_is_text:
        return program.proof in result.stdout.decode(errors="replace")
    return result.verdict.outcome is Outcome.ACCEPTED


async def steadiness(programs: list[Program], times: int, unguarded: bool) -> Counter[str]:
    """What went wrong, and how often."""
    found: Counter[str] = Counter()
    as_it_should = proved if unguarded else stopped
    with Host() as host:
        for program in programs:
            off = program.guards if unguarded else frozenset()
            # What an attack has left behind would help it the next time.
            for runs in [1] * times if unguarded else [times]:
                async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=off) as sandbox:
                    for _ in range(runs):
                        result = await in_a_row(sandbox, program, host)
                        (host.drop / "written").unlink(missing_ok=True)
                        if result.verdict.outcome is Outcome.NO_VERDICT or not as_it_should(program, result):
                            found[f"{program.name}: {result.verdict.outcome.value}"] += 1
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--busy", type=int, default=5, help="processes that never sleep")
    parser.add_argument("--unguarded", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    given = parser.parse_args()
    programs = [
        program
        for program in CORPUS
        if (not given.names or program.name in given.names) and (program.guards or not given.unguarded)
    ]
    with busy(given.busy):
        found = asyncio.run(steadiness(programs, given.times, given.unguarded))
        load = os.getloadavg()[0]
    for what, count in sorted(found.items()):
        print(f"{what}: {count} of {given.times}")
    flips = sum(count for what, count in found.items() if not what.endswith(Outcome.NO_VERDICT.value))
    print(f"{len(programs)} programs, {given.times} times each, load {load:.1f}: {flips} flips")
    return 1 if flips else 0


if __name__ == "__main__":
    sys.exit(main())
