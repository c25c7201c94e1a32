"""The loop's policy from the settings: single fields replace those that follow from the model's size."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlayer.app.build import open_platform
from qlayer.app.settings import load_settings
from qlayer.errors import ConfigurationError
from qlayer.llm.fake import FakeLLM, FakeLLMConfig
from qlayer.pipeline.policy import MEDIUM, SMALL
from qlayer.sandbox.fake import FakeSandbox
from qlayer.types.ids import ModelId

SMALL_MODEL = ModelId("qwen2.5-coder-0.5b")


def test_what_is_set_replaces_a_tier_s_field_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QLAYER_LOOP__CONFIRM", "1")
    monkeypatch.setenv("QLAYER_LOOP__WAVES", "[]")
    loop = load_settings().loop
    assert SMALL.overridden(loop) == SMALL.model_copy(update={"confirm": 1, "waves": ()})
    assert MEDIUM.overridden(loop).repair_rounds == MEDIUM.repair_rounds != SMALL.repair_rounds


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [
        ("CONFIRM", "0", "greater than or equal to 1"),
        ("WAVES", "[3, 0]", "greater than or equal to 1"),
        ("TOP_P", "1.5", "less than or equal to 1"),
        ("SELECTOR", "best", "'ours', 'first' or 'random'"),
        ("ROUNDS", "2", "not permitted"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name_with_its_limit(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, limit: str
) -> None:
    monkeypatch.setenv(f"QLAYER_LOOP__{name}", value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert f"QLAYER_LOOP__{name}" in refused.value.message and limit in refused.value.message


async def test_the_pipeline_is_given_the_policy_with_what_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QLAYER_LOOP__REPAIR_ROUNDS", "5")
    settings = load_settings(data_dir=tmp_path, memory="off")
    llm = FakeLLM([], FakeLLMConfig(model=SMALL_MODEL))
    async with FakeSandbox() as sandbox, open_platform(settings, llm=llm, sandbox=sandbox) as platform:
        choice = await platform.pipeline.describe(SMALL_MODEL)
    assert choice.policy == SMALL.model_copy(update={"repair_rounds": 5})
