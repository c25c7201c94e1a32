"""Attacks that only other languages offer, on the build and on the run, and their benign twins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from qlayer.errors import TierUnavailable
from qlayer.sandbox import runtimes
from qlayer.sandbox.base import Limits, MiB, ProgramJob
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.language import Language
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

DOUBLED = "\n".join(f"#define X{n} X{n - 1} X{n - 1}" for n in range(1, 40))
PROGRAMS = {
    "fork_bomb": (Language.BASH, "main.sh", "bomb() { bomb | bomb & }; bomb; wait", Outcome.PROCESS_LIMIT),
    "include_endless_device": (
        Language.C,
        "main.c",
        "#include </dev/zero>\nint main(void) {}\n",
        Outcome.COMPILE_LIMIT,
    ),
    "macro_bomb": (
        Language.C,
        "main.c",
        f"#define X0 +1\n{DOUBLED}\nint main(void) {{ return X39; }}\n",
        Outcome.COMPILE_LIMIT,
    ),
    "benign_jvm_reservation": (
        Language.JAVA,
        "Main.java",
        "class Main { public static void main(String[] a) throws Exception {"
        " Thread t = new Thread(() -> System.out.println(1)); t.start(); t.join(); } }",
        Outcome.ACCEPTED,
    ),
    "benign_node_workers": (
        Language.JAVASCRIPT,
        "main.js",
        "const { Worker, isMainThread, parentPort } = require('worker_threads');\n"
        "if (isMainThread) new Worker(__filename).on('message', (m) => console.log(m));\n"
        "else parentPort.postMessage('hello');\n",
        Outcome.ACCEPTED,
    ),
    "benign_go_routines": (
        Language.GO,
        "main.go",
        'package main\n\nimport "fmt"\n\nfunc main() {\n\tc := make(chan int)\n'
        "\tfor n := 0; n < 10000; n++ {\n\t\tgo func() { c <- 1 }()\n\t}\n\tsum := 0\n"
        "\tfor n := 0; n < 10000; n++ {\n\t\tsum += <-c\n\t}\n\tfmt.Println(sum)\n}\n",
        Outcome.ACCEPTED,
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm() -> AsyncIterator[WarmSandbox]:
    try:
        async with WarmSandbox(WarmConfig(workers=1)) as sandbox:
            yield sandbox
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")


@pytest.fixture
def small_builds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A quarter of the memory for a C compiler: it is used up by the same means, four times as soon."""
    usual = runtimes.runtime_of(Language.C)
    assert usual.build is not None
    limits = usual.build.limits.model_copy(update={"memory_bytes": 256 * MiB})
    build = usual.build.model_copy(update={"limits": limits})
    monkeypatch.setitem(runtimes.RUNTIMES, Language.C, usual.model_copy(update={"build": build}))
    runtimes.find.cache_clear()
    yield
    runtimes.find.cache_clear()


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.usefixtures("small_builds")
async def test_each_gets_its_outcome_and_leaves_the_next_run_unharmed(warm: WarmSandbox, name: str) -> None:
    language, path, code, outcome = PROGRAMS[name]
    try:
        runtimes.find(language)
    except runtimes.ToolchainMissing as missing:
        pytest.skip(str(missing))
    job = ProgramJob(tree=SourceTree().with_files({path: code}), path=path, language=language)
    limits = Limits(wall_s=60, cpu_s=20, memory_bytes=256 * MiB)
    result = await warm.run(job, limits)
    assert result.verdict.outcome is outcome, result
    canary = ProgramJob(
        tree=SourceTree().with_files({"main.sh": "echo unharmed"}),
        path="main.sh",
        language=Language.BASH,
        expected_stdout=b"unharmed\n",
    )
    assert (await warm.run(canary, limits)).verdict.outcome is Outcome.ACCEPTED
