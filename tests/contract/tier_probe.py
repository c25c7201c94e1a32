"""Run in another place (as another user, in a container): what the warm sandbox offers and refuses there.

Prints one line of JSON: for each tier, what came of asking for it; where it runs, some verdicts too.
"""

from __future__ import annotations

import asyncio
import json
import os

from qlayer.errors import QlayerError
from qlayer.sandbox.base import Limits, MiB, ProgramJob
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Tier

PROGRAMS = {
    "fine": ("print('fine')\n", Limits(wall_s=60)),
    "memory": (
        "b = []\nwhile True:\n    b.append(b'x' * (1 << 20))\n",
        Limits(wall_s=60, cpu_s=30, memory_bytes=64 * MiB),
    ),
    "forks": (
        "import os, time\nfor _ in range(60):\n    if os.fork() == 0:\n        time.sleep(600)\n",
        Limits(wall_s=60, processes=10),
    ),
    "spin": ("while True:\n    pass\n", Limits(wall_s=60, cpu_s=1)),
    "outside": ("import os\nprint(os.path.exists('/proc/1'), os.listdir('/'))\n", Limits(wall_s=60)),
}


async def tried(minimum: Tier) -> dict[str, object]:
    try:
        async with WarmSandbox(WarmConfig(minimum_tier=minimum, workers=1)) as sandbox:
            info = sandbox.info
            verdicts = {}
            for name, (code, limits) in PROGRAMS.items() if minimum is Tier.USERNS else ():
                job = ProgramJob(tree=SourceTree().with_files({"main.py": code}), path="main.py")
                result = await sandbox.run(job, limits)
                evidence = result.verdict.evidence
                verdicts[name] = [
                    result.verdict.outcome,
                    evidence.tier,
                    evidence.counter,
                    result.verdict.cause,
                ]
            lacking = [each.name for each in info.capabilities if not each.available]
            return {"tier": info.tier, "lacking": lacking, "verdicts": verdicts}
    except QlayerError as error:
        return {"refused": type(error).__name__, "message": error.message, "hint": error.hint}


async def main() -> None:
    print(json.dumps({"uid": os.getuid(), **{tier.value: await tried(tier) for tier in Tier}}))


if __name__ == "__main__":
    asyncio.run(main())
