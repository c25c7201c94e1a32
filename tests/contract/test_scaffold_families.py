"""The TypeScript families in the real sandbox, without a token: alive, tested, and wrong code is noticed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from qlayer.generation.intake import parse_spec
from qlayer.generation.templates.manifest import load_manifest
from qlayer.generation.templates.mobile import MOBILE
from qlayer.generation.templates.node_service import NODE_SERVICE
from qlayer.generation.templates.scaffold import Scaffold
from qlayer.generation.templates.web import WEB
from qlayer.sandbox import runtimes
from qlayer.sandbox.base import Sandbox
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.runtimes import ToolchainMissing
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.language import Language
from qlayer.validation.checks import run_check

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    try:
        runtimes.find(Language.TYPESCRIPT)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    async with WarmSandbox(WarmConfig()) as started:
        yield started


@pytest.mark.parametrize("family", [NODE_SERVICE, WEB, MOBILE], ids=lambda family: str(family.name))
async def test_a_sample_boots_and_passes_its_own_tests(family: Scaffold, sandbox: Sandbox) -> None:
    skeleton = family.instantiate(parse_spec(load_manifest(family.folder).sample))
    for plan in (*skeleton.boot, *skeleton.final):
        result = await run_check(plan, skeleton.tree, sandbox)
        assert result.ok, (result.verdict.cause, result.stdout, result.stderr)
        assert result.passed == result.total >= 2


async def test_a_wrong_type_and_a_missing_test_are_noticed(sandbox: Sandbox) -> None:
    skeleton = WEB.instantiate(parse_spec(load_manifest(WEB.folder).sample))
    (plan,) = skeleton.final
    wrong = skeleton.tree.with_files({"src/wrong.ts": 'export const size: number = "large";\n'})
    refused = await run_check(plan, wrong, sandbox)
    assert not refused.ok and "TS2322" in refused.verdict.cause
    fewer = skeleton.tree.with_files(
        {plan.argv[0]: 'import { test } from "node:test";\ntest("one", () => {});\n'}
    )
    result = await run_check(plan, fewer, sandbox)
    assert not result.ok and result.passed == 0
