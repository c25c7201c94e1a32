"""Training a LoRA adapter (Hu et al. 2021, arXiv:2106.09685) on conversations, with transformers' Trainer.

Only the answers are learned: the tokens of system and user carry no loss. Checkpoints let a training that was
killed go on. torch, transformers and peft come with the extra ``finetune`` and are imported when it starts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from qlayer.errors import InputError
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest

Chat = tuple[dict[str, str], ...]
"""Messages with `role` and `content`; the last is the answer."""

IGNORED = -100
"""Label of a token without loss, by torch's convention."""
CHECKPOINT_STEPS = 50


class TrainPlan(Frozen):
    """Everything that decides what comes out."""

    base: str
    data: Digest
    """Of the file with the conversations."""
    rank: int = Field(ge=1)
    alpha: int = Field(ge=1)
    """Scale of the update; twice the rank is customary."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    epochs: float = Field(gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    learning_rate: float = Field(gt=0)
    batch: int = Field(default=4, ge=1)
    max_tokens: int = Field(default=2_048, ge=8)
    """Longer conversations are left out, never cut: half a program is no example."""
    seed: int = 0
    device: Literal["cuda", "cpu"] = "cuda"


class TrainReport(Frozen):
    """What a training did."""

    plan: TrainPlan
    adapter: str
    """Folder with the adapter, beside the report."""
    conversations: int
    too_long: int
    """Conversations that were left out."""
    steps: int
    resumed: bool
    first_loss: float
    last_loss: float
    seconds: float
    versions: dict[str, str]


def read_chats(path: Path) -> tuple[Chat, ...]:
    """The conversations of a file in TRL's form. Raises `InputError` naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", field="data") from None
    chats = []
    for number, line in enumerate(lines, start=1):
        try:
            chat = tuple({"role": m["role"], "content": m["content"]} for m in json.loads(line)["messages"])
            if len(chat) < 2 or chat[-1]["role"] != "assistant":
                raise ValueError
        except (ValueError, KeyError, TypeError):
            problem = "is no conversation that ends with an answer"
            raise InputError(f"{path} line {number} {problem}", field="data") from None
        chats.append(chat)
    if not chats:
        raise InputError(f"{path} holds no conversation", field="data")
    return tuple(chats)


def train_adapter(plan: TrainPlan, chats: Sequence[Chat], out: Path) -> TrainReport:
    """Train, or go on with the last checkpoint in `out`, and write ``adapter/`` there.

    Raises `InputError` when no conversation fits.
    """
    import peft
    import torch
    import transformers

    began = time.monotonic()
    transformers.set_seed(plan.seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(plan.base)
    rows = [tokenised(chat, tokenizer) for chat in chats]
    fitting = [row for row in rows if len(row["input_ids"]) <= plan.max_tokens]
    if not fitting:
        raise InputError("no conversation fits", field="data", limit=f"{plan.max_tokens} tokens")
    dtype = torch.bfloat16 if plan.device == "cuda" else torch.float32
    model = transformers.AutoModelForCausalLM.from_pretrained(plan.base, dtype=dtype)
    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=plan.rank,
        lora_alpha=plan.alpha,
        lora_dropout=plan.dropout,
        target_modules="all-linear",
    )
    trainer = transformers.Trainer(
        model=peft.get_peft_model(model, config),
        args=_arguments(plan, out / "checkpoints"),
        train_dataset=fitting,
        data_collator=lambda batch: _padded(batch, tokenizer.pad_token_id or 0),
    )
    last = transformers.trainer_utils.get_last_checkpoint(str(_made(out / "checkpoints")))
    trainer.train(resume_from_checkpoint=last)
    trainer.model.save_pretrained(out / "adapter")
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return TrainReport(
        plan=plan,
        adapter="adapter",
        conversations=len(fitting),
        too_long=len(rows) - len(fitting),
        steps=trainer.state.global_step,
        resumed=last is not None,
        first_loss=losses[0],
        last_loss=losses[-1],
        seconds=round(time.monotonic() - began, 3),
        versions={module.__name__: str(module.__version__) for module in (torch, transformers, peft)},
    )


def tokenised(chat: Chat, tokenizer: Any) -> dict[str, list[int]]:
    """Token ids, and labels that are `IGNORED` up to the answer."""
    asked = tokenizer.apply_chat_template(list(chat[:-1]), add_generation_prompt=True, tokenize=False)
    whole = tokenizer.apply_chat_template(list(chat), tokenize=False)
    if not whole.startswith(asked):
        raise InputError("the model's chat template changes what came before an answer", field="base")
    prompt = tokenizer(asked, add_special_tokens=False)["input_ids"]
    answer = tokenizer(whole[len(asked) :], add_special_tokens=False)["input_ids"]
    return {"input_ids": [*prompt, *answer], "labels": [*([IGNORED] * len(prompt)), *answer]}


def _arguments(plan: TrainPlan, checkpoints: Path) -> Any:
    import transformers

    return transformers.TrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=plan.batch,
        num_train_epochs=plan.epochs,
        max_steps=plan.max_steps or -1,
        learning_rate=plan.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0,
        bf16=plan.device == "cuda",
        use_cpu=plan.device == "cpu",
        logging_steps=1,
        save_steps=CHECKPOINT_STEPS,
        save_total_limit=1,
        seed=plan.seed,
        remove_unused_columns=False,
        report_to=[],
        disable_tqdm=True,
    )


def _padded(batch: Sequence[Mapping[str, list[int]]], pad: int) -> dict[str, Any]:
    import torch

    width = max(len(row["input_ids"]) for row in batch)

    def column(name: str, filler: int) -> Any:
        return torch.tensor([[*row[name], *[filler] * (width - len(row[name]))] for row in batch])

    mask = [[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in batch]
    return {
        "input_ids": column("input_ids", pad),
        "labels": column("labels", IGNORED),
        "attention_mask": torch.tensor(mask),
    }


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
