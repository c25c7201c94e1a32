"""A run with prepared packages, and the scientific zygotes: what is seen, by whom, and what stays hidden."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
import pytest_asyncio
from package_index import Index, serving, wheel
from sandbox_backends import case, judge, program, split, tree

from qlayer.errors import TierUnavailable
from qlayer.sandbox import interpreter
from qlayer.sandbox.base import PytestJob, Sandbox, ValuesJob
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.environments.cache import CachedEnvironments
from qlayer.sandbox.environments.config import EnvironmentsConfig
from qlayer.sandbox.environments.parse import parse_lock
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.verdict import Outcome, Phase

pytestmark = pytest.mark.asyncio(loop_scope="module")
needs_science = pytest.mark.skipif(
    not interpreter.has_science(), reason="numpy and pandas: install the extra science"
)


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with serving() as index:
        index.hashes = {
            "one": index.add(wheel("one")),
            # A name that the platform has, too: the prepared one must win.
            "typer": index.add(wheel("typer", "0.0.1")),
            "pydantic": index.add(wheel("pydantic", "0.0.2")),
        }
        yield index


@pytest.fixture(scope="module")
def environments(index: Index, tmp_path_factory: pytest.TempPathFactory) -> CachedEnvironments:
    folder = tmp_path_factory.mktemp("prepared")
    return CachedEnvironments(EnvironmentsConfig(folder=folder, index_url=index.url))


async def prepared(environments: CachedEnvironments, index: Index, name: str, version: str = "1.0") -> str:
    lock = index.lock((name, version, index.hashes[name]))
    return await environments.prepare(parse_lock("requirements.txt", lock))


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["compiled", "python", "one uid"])
async def sandbox(request: pytest.FixtureRequest, environments: CachedEnvironments) -> AsyncIterator[Sandbox]:
    folder = environments.folder
    config = WarmConfig(workers=2, environments=folder, helper=request.param != "python")
    off = frozenset({"second_uid"}) if request.param == "one uid" else frozenset()
    try:
        async with WarmSandbox(config, unsafe_disabled=off) as started:
            yield started
    except TierUnavailable as missing:
        pytest.skip(f"warm: {missing}")


async def test_a_run_sees_its_packages_and_the_next_does_not(
    sandbox: Sandbox, environments: CachedEnvironments, index: Index
) -> None:
    made = await prepared(environments, index, "one")
    code = "import one\nprint(one.VERSION, one.__file__)\n"
    with_it = program(code, environment=made, expected_stdout=b"1.0 /opt/qlayer/env/one.py\n")
    for _ in range(2):
        assert (await judge(sandbox, with_it)).verdict.outcome is Outcome.ACCEPTED
        without = await judge(sandbox, program(code))
        assert without.verdict.outcome is not Outcome.ACCEPTED
        assert b"No module named 'one'" in without.stderr


async def test_every_mode_that_has_the_field_sees_them(
    sandbox: Sandbox, environments: CachedEnvironments, index: Index
) -> None:
    made = await prepared(environments, index, "one")
    code = "import one\ndef version():\n    return one.VERSION\n"
    jobs = [
        ValuesJob(tree=tree(main=code), module="main", cases=(case("version()", "'1.0'"),), environment=made),
        split(code, "assert version() == '1.0'", "version").model_copy(update={"environment": made}),
        PytestJob(
            tree=tree(main=code, test_it="import main\ndef test_it():\n    assert main.version() == '1.0'\n"),
            paths=("test_it.py",),
            expected_tests=("test_it.py::test_it",),
            environment=made,
        ),
    ]
    for job in jobs:
        result = await judge(sandbox, job)
        assert result.verdict.outcome is Outcome.ACCEPTED, (job.mode, result.verdict, result.stderr)


@pytest.mark.parametrize(("name", "version"), [("typer", "0.0.1"), ("pydantic", "0.0.2")])
async def test_they_come_before_the_platforms_own(
    sandbox: Sandbox, environments: CachedEnvironments, index: Index, name: str, version: str
) -> None:
    made = await prepared(environments, index, name, version)
    code = f"import {name}\nprint({name}.__file__)\n"
    for environment, folder in ((made, b"/opt/qlayer/env/"), (None, b"/opt/qlayer/site/")):
        result = await judge(sandbox, program(code, environment=environment))
        assert result.stdout.startswith(folder), (result.stdout, result.stderr)


async def test_they_cannot_be_changed_and_no_other_set_is_seen(
    sandbox: Sandbox, environments: CachedEnvironments, index: Index
) -> None:
    made = await prepared(environments, index, "one")
    other = await prepared(environments, index, "typer", "0.0.1")
    code = f"""
        import os
        def tried(call):
            try:
                return call()
            except OSError as error:
                return error.errno
        print(tried(lambda: open("/opt/qlayer/env/one.py", "a")))
        print(tried(lambda: os.unlink("/opt/qlayer/env/one.py")))
        print(tried(lambda: os.mkdir("/opt/qlayer/env/new")))
        flags = os.statvfs("/opt/qlayer/env").f_flag
        print(all(flags & flag for flag in (os.ST_RDONLY, os.ST_NOSUID, os.ST_NODEV)))
        print(os.listdir("/opt/qlayer/environments"))
        print(tried(lambda: os.listdir("/opt/qlayer/environments/{other.removeprefix("sha256:")}")))
        print(tried(lambda: os.listdir("/opt/qlayer/env/../{other.removeprefix("sha256:")}")))
        print(sorted(os.listdir("/opt/qlayer/env")))
        """
    result = await judge(sandbox, program(code, environment=made))
    lines = result.stdout.decode().splitlines()
    assert lines[0] in ("13", "30") and lines[1:3] == ["30", "30"], result
    assert lines[3:7] == ["True", "[]", "2", "2"]
    assert "one.py" in lines[7] and "typer.py" not in lines[7]


async def test_one_that_is_not_there_is_the_callers_fault(sandbox: Sandbox) -> None:
    for name in ("sha256:" + "0" * 64, "../../etc", ""):
        verdict = (await judge(sandbox, program("", environment=name))).verdict
        assert verdict.outcome is Outcome.REJECTED and verdict.phase is Phase.ADMIT
        assert "environment" in verdict.cause


async def test_what_a_run_uses_is_not_pruned(
    sandbox: Sandbox, environments: CachedEnvironments, index: Index
) -> None:
    made = await prepared(environments, index, "one")
    with environments.in_use(made):
        environments.prune(older_than=timedelta(0))
        assert [each.id for each in environments.list()] == [made]
        assert (await judge(sandbox, program("import one", environment=made))).verdict.accepted
    assert [each.id for each in environments.prune(older_than=timedelta(0))] == [made]
    verdict = (await judge(sandbox, program("import one", environment=made))).verdict
    assert verdict.outcome is Outcome.REJECTED


# -- Numpy and pandas --------------------------------------------------------------------------------------


@needs_science
async def test_numpy_with_threads_runs(sandbox: Sandbox) -> None:
    code = """
        import threading
        import numpy as np
        results = []
        def work(seed):
            a = np.random.default_rng(seed).random((120, 120))
            results.append(np.allclose(a @ np.linalg.inv(a), np.eye(120)))
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(results), all(results))
        """
    result = await judge(sandbox, program(code, expected_stdout=b"8 True\n"), processes=16)
    assert result.verdict.accepted, (result.verdict, result.stderr)


@needs_science
async def test_pandas_is_warm_where_it_is_imported(sandbox: Sandbox) -> None:
    code = """
        import sys
        print("numpy" in sys.modules, "pandas" in sys.modules)
        {}
        """
    warm = await judge(sandbox, program(code.format("import pandas.core.frame")))
    cold = await judge(sandbox, program(code.format("")))
    assert warm.stdout == b"True True\n" and cold.stdout == b"False False\n", (warm, cold)
