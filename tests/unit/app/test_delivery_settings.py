"""Which delivery files a platform adds, and on which images, follows from the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlayer.app.build import open_platform
from qlayer.app.settings import load_settings
from qlayer.llm.fake import FakeLLM, FakeLLMConfig
from qlayer.packaging.delivery.deliver import Bases
from qlayer.pipeline.delivering import Delivering
from qlayer.sandbox.fake import FakeSandbox
from qlayer.types.ids import ModelId

PINNED = "registry.example/python@sha256:" + "0" * 64


async def delivering(folder: Path) -> Delivering | None:
    settings = load_settings(data_dir=folder, memory="off")
    llm = FakeLLM([], FakeLLMConfig(model=ModelId("qwen2.5-coder-0.5b")))
    async with FakeSandbox() as sandbox, open_platform(settings, llm=llm, sandbox=sandbox) as platform:
        return platform.pipeline.delivering


async def test_capsules_get_delivery_files_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await delivering(tmp_path) == Delivering(Bases())
    monkeypatch.setenv("QLAYER_DELIVERY", "false")
    assert await delivering(tmp_path) is None


async def test_one_base_can_be_pinned_and_the_other_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QLAYER_DELIVERY_BASES__PYTHON", PINNED)
    assert await delivering(tmp_path) == Delivering(Bases(python=PINNED))
