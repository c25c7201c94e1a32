"""Training data: TRL's forms, once each, with provenance and without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from memory_samples import RIGHT, WRONG, sample_correction

from qlayer.memory.export import training_data
from qlayer.memory.secrets import secrets_in


def rows(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def no_secrets(_: str) -> tuple[str, ...]:
    return ()


def test_the_two_forms() -> None:
    correction = sample_correction()
    data = training_data([correction], no_secrets)
    (sft,), (dpo,) = rows(data.sft), rows(data.dpo)
    assert [message["role"] for message in sft["messages"]] == ["system", "user", "assistant"]
    assert sft["messages"][2]["content"] == f"```python\n{RIGHT}```"
    assert dpo["prompt"] == sft["messages"][:2]
    assert dpo["chosen"] == [sft["messages"][2]]
    assert dpo["rejected"] == [{"role": "assistant", "content": f"```python\n{WRONG}```"}]
    assert sft["provenance"] == dpo["provenance"]
    assert (sft["provenance"]["memory"], sft["provenance"]["who"]) == (correction.id, "ada")


def test_what_would_train_the_same_is_there_once() -> None:
    one, other = sample_correction("one", prompt="same"), sample_correction("two", prompt="same")
    other_wrong = sample_correction("three", prompt="same", wrong="def add(a, b): ...\n")
    report = training_data([one, other, other_wrong], no_secrets).report
    assert (report.sft, report.dpo) == (1, 2)


def test_what_is_not_followed_is_left_out_with_the_reason() -> None:
    first = sample_correction(wrong="1\n", right="2\n")
    second = sample_correction(wrong="2\n", right="3\n")
    forced = sample_correction("y", lost=("examples",))
    report = training_data([first, second, forced], no_secrets).report
    assert report.sft == 1
    assert {item.memory: item.reason for item in report.left_out} == {
        first.id: "it was corrected again later",
        forced.id: "a check failed after it",
    }


def test_a_secret_keeps_its_correction_out_and_is_not_told() -> None:
    pytest.importorskip("detect_secrets", reason="no detect-secrets: install the extra memory")
    key = "AKIA" + "ABCDEFGHIJKLMNOP"  # made here: a whole one in this file would trip scanners
    leaking = sample_correction("leak", wrong=f'KEY = "{key}"\n')
    data = training_data([sample_correction(), leaking], secrets_in)
    assert (data.report.sft, data.report.dpo) == (1, 1)
    assert key not in (data.sft + data.dpo).decode() + data.report.model_dump_json()
    assert "AWS" in data.report.left_out[0].reason
