"""Fine-tuning at toy size, on the CPU: a model of a few thousand weights learns an answer by heart."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs import lora
from jobs.finetune import app

ANSWER = "def add(a, b): return a + b"
ASKED = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "write add"}]
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def invoke(*args: str) -> Any:
    with warnings.catch_warnings():  # those of torch and transformers are theirs to mend
        warnings.simplefilter("ignore")
        return CliRunner().invoke(app, list(args))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "sft.jsonl"
    row = {"messages": [*ASKED, {"role": "assistant", "content": ANSWER}], "provenance": {"who": "ada"}}
    path.write_text((json.dumps(row) + "\n") * 4)
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen2 of two layers with a tokenizer of bytes."""
    for package in ("torch", "peft", "accelerate"):
        pytest.importorskip(package, reason=f"no {package}: install the extra finetune")
    folder = tmp_path_factory.mktemp("base")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tokenizers
        import torch
        import transformers

        letters = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        vocabulary = {token: number for number, token in enumerate(["<end>", *sorted(letters)])}
        inner = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
        inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = tokenizers.decoders.ByteLevel()
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<end>")
        tokenizer.chat_template = TEMPLATE
        tokenizer.save_pretrained(folder)
        torch.manual_seed(0)
        shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
        config = transformers.Qwen2Config(vocab_size=len(vocabulary), initializer_range=0.3, **shape, **heads)
        transformers.Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


def train(base: Path, data: Path, out: Path, *options: str) -> Any:
    fixed = ["--device", "cpu", "--rank", "4", "--learning-rate", "0.02", "--max-steps", "8"]
    return invoke("train", "--base", str(base), "--data", str(data), "--out", str(out), *fixed, *options)


def test_the_loss_falls_and_only_answers_carry_it(base: Path, data: Path, tmp_path: Path) -> None:
    done = train(base, data, tmp_path / "out")
    assert done.exit_code == 0, done.output + repr(done.exception)
    report = json.loads((tmp_path / "out" / "training.json").read_text())
    assert report["last_loss"] < report["first_loss"] * 0.95
    assert (report["conversations"], report["steps"], report["resumed"]) == (4, 8, False)
    assert (tmp_path / "out" / "adapter" / "adapter_config.json").is_file()

    import transformers

    (chat, *_) = lora.read_chats(data)
    row = lora.tokenised(chat, transformers.AutoTokenizer.from_pretrained(base))
    learned = [token for token in row["labels"] if token != lora.IGNORED]
    assert 0 < len(learned) < len(row["input_ids"])
    assert transformers.AutoTokenizer.from_pretrained(base).decode(learned).startswith(ANSWER)


def test_a_training_that_was_stopped_goes_on_from_its_checkpoint(
    base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers

    monkeypatch.setattr(lora, "CHECKPOINT_STEPS", 2)

    class Killed(BaseException):
        """Stands for kill -9."""

    def die(trainer: Any, *args: Any, **kwargs: Any) -> Any:
        if trainer.state.global_step == 5:
            raise Killed
        return step(trainer, *args, **kwargs)

    step = transformers.Trainer.training_step
    monkeypatch.setattr(transformers.Trainer, "training_step", die)
    with pytest.raises(Killed):
        train(base, data, tmp_path / "out")
    monkeypatch.setattr(transformers.Trainer, "training_step", step)
    done = train(base, data, tmp_path / "out")
    assert done.exit_code == 0, done.output + repr(done.exception)
    report = json.loads((tmp_path / "out" / "training.json").read_text())
    assert report["resumed"] and report["steps"] == 8
    again = train(base, data, tmp_path / "out")
    assert again.exit_code == 0 and json.loads((tmp_path / "out" / "training.json").read_text()) == report


def test_one_folder_is_for_one_plan(data: Path, tmp_path: Path, base: Path) -> None:
    assert train(base, data, tmp_path / "out", "--max-steps", "1").exit_code == 0
    other = train(base, data, tmp_path / "out", "--max-steps", "2")
    assert other.exit_code == 5 and "another plan" in other.output


def test_a_dry_run_needs_nothing_and_does_nothing(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = invoke("train", "--base", "any/model", "--data", str(data), "--out", str(out), "--dry-run")
    assert done.exit_code == 0 and "4 conversations" in done.output
    assert not out.exists()


@pytest.mark.parametrize(
    "content", ["", "{}\n", '{"messages": [{"role": "user", "content": "x"}]}\n', "no\n"]
)
def test_data_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sft.jsonl"
    path.write_text(content)
    done = invoke("train", "--base", "b", "--data", str(path), "--out", str(tmp_path / "out"), "--dry-run")
    assert done.exit_code == 2 and "conversation" in done.output


def test_a_gpu_is_asked_for_unless_told_otherwise(base: Path, data: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    done = invoke("train", "--base", str(base), "--data", str(data), "--out", str(tmp_path / "out"))
    assert done.exit_code == 3 and "no GPU" in done.output
