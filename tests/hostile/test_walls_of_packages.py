"""What hides prepared packages: each control is first switched off to show that the attack then works."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from package_index import serving, wheel
from sandbox_backends import judge, program

from qlayer.errors import TierUnavailable
from qlayer.sandbox.config import Control, WarmConfig
from qlayer.sandbox.environments.cache import CachedEnvironments
from qlayer.sandbox.environments.config import EnvironmentsConfig
from qlayer.sandbox.environments.parse import parse_lock
from qlayer.sandbox.warm import WarmSandbox

LOOK = "import os\nprint(sorted(os.listdir('/opt/qlayer/environments')))\n"
IMPORT = """
import sys
sys.path.append("/opt/qlayer/env")
import one
print("SUCCESS")
"""


class Prepared(NamedTuple):
    environments: CachedEnvironments
    set: str


@pytest.fixture
async def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    with serving() as index:
        digest = index.add(wheel("one"))
        folder = tmp_path_factory.mktemp("prepared")
        environments = CachedEnvironments(EnvironmentsConfig(folder=folder, index_url=index.url))
        lock = parse_lock("requirements.txt", index.lock(("one", "1.0", digest)))
        try:
            return Prepared(environments, await environments.prepare(lock))
        except TierUnavailable as missing:
            pytest.skip(f"this host cannot isolate: {missing}")


async def printed(prepared: Prepared, sources: list[tuple[str, str | None]], *off: Control) -> list[str]:
    """The last line that each program prints, run one after the other, with this set or none."""
    config = WarmConfig(workers=1, environments=prepared.environments.folder)
    found = []
    try:
        async with WarmSandbox(config, unsafe_disabled=frozenset(off)) as sandbox:
            for source, chosen in sources:
                result = await judge(sandbox, program(source, environment=chosen))
                found.append(result.stdout.decode().strip())
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")
    return found


async def test_no_other_set_of_packages_is_seen(prepared: Prepared) -> None:
    (seen,) = await printed(prepared, [(LOOK, None)], Control.PACKAGES_COVERED)
    assert prepared.set.removeprefix("sha256:") in seen
    assert await printed(prepared, [(LOOK, None)]) == ["[]"]


async def test_packages_are_gone_after_the_run_that_asked_for_them(prepared: Prepared) -> None:
    runs = [(IMPORT, prepared.set), (IMPORT, None)]
    assert await printed(prepared, runs, Control.PACKAGES_HIDDEN) == ["SUCCESS", "SUCCESS"]
    assert await printed(prepared, runs) == ["SUCCESS", ""]
