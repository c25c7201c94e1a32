"""Fine-tune a model on corrections: LoRA with peft and transformers, and the gate that decides about it.

``python -m jobs.finetune train --base DIR --data sft.jsonl --out DIR`` writes an adapter and says in
``training.json`` what it was made from. It goes on from its last checkpoint when it was stopped.
``python -m jobs.finetune gate --base base.jsonl --adapter adapter.jsonl --out DIR`` compares two evaluations;
status 1 says that the adapter is refused.

Training needs the extra ``finetune`` and a GPU; ``--device cpu`` is for toy sizes and tests.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from jobs.adapter_gate import MAX_LOSS_POINTS, judge_adapter, read_results
from jobs.ending import explained
from jobs.lora import Chat, TrainPlan, TrainReport, read_chats, train_adapter
from qlayer.errors import ConfigurationError, ConflictError, InputError
from qlayer.types.ids import sha256

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Adapters from people's corrections.")

REFUSED_STATUS = 1


@app.command()
def train(
    base: Annotated[str, typer.Option(help="The model: a folder in transformers' format, or a hub id.")],
    data: Annotated[Path, typer.Option(help="sft.jsonl of `qlayer memory export`.")],
    out: Annotated[Path, typer.Option(help="A folder of its own; the same one goes on.")],
    rank: Annotated[int, typer.Option(min=1, max=512, help="LoRA rank.")] = 16,
    epochs: Annotated[float, typer.Option(min=0.01, help="Passes over the data.")] = 3.0,
    learning_rate: Annotated[float, typer.Option(min=0.0, help="Of AdamW, falling along a cosine.")] = 2e-4,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Stop after so many steps.")] = None,
    device: Annotated[Literal["cuda", "cpu"], typer.Option(help="Where to train.")] = "cuda",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Train an adapter on the right programs."""
    with explained():
        chats = read_chats(data)
        plan = _plan(
            base=base,
            data=sha256(data.read_bytes()),
            rank=rank,
            alpha=2 * rank,
            epochs=epochs,
            learning_rate=learning_rate,
            max_steps=max_steps,
            device=device,
        )
        typer.echo(_said(plan, chats, out), err=True)
        if dry_run:
            return
        _require(device)
        report = _trained(plan, chats, out)
        typer.echo(f"loss {report.first_loss:.3f} -> {report.last_loss:.3f} in {report.steps} steps")


@app.command()
def gate(
    base: Annotated[Path, typer.Option(help="Results of the base model: a ledger of jobs.evaluate.")],
    adapter: Annotated[Path, typer.Option(help="Results with the adapter, on the same tasks.")],
    out: Annotated[Path | None, typer.Option(help="The adapter's folder; gate.json goes there.")] = None,
    max_loss: Annotated[float, typer.Option(min=0.0, help="Points it may lose.")] = MAX_LOSS_POINTS,
) -> None:
    """Accept an adapter, or refuse it with status 1."""
    with explained():
        report = judge_adapter(read_results(base), read_results(adapter), max_loss_points=max_loss)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / "gate.json").write_text(report.model_dump_json(indent=2) + "\n")
        typer.echo(report.model_dump_json())
        typer.echo(f"{'accepted' if report.accepted else 'refused'}: {report.reason}", err=True)
        if not report.accepted:
            raise typer.Exit(REFUSED_STATUS)


def _plan(**fields: object) -> TrainPlan:
    try:
        return TrainPlan.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{first['loc'][0]}: {first['msg']}", field=str(first["loc"][0])) from None


def _said(plan: TrainPlan, chats: tuple[Chat, ...], out: Path) -> str:
    characters = sum(len(message["content"]) for chat in chats for message in chat)
    steps = f"at most {plan.max_steps} steps" if plan.max_steps else f"{plan.epochs:g} epochs"
    return (
        f"LoRA of rank {plan.rank} on {plan.base}: {len(chats)} conversations of {characters} characters "
        f"(data {plan.data}), {steps} on {plan.device}; into {out}"
    )


def _require(device: str) -> None:
    missing = [name for name in ("torch", "transformers", "peft", "accelerate") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"training needs the package {missing[0]}", hint="pip install 'qlayer[finetune]'"
        )
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise ConfigurationError(
                "there is no GPU here", hint="train on a GPU node; --device cpu is for toy sizes"
            )


def _trained(plan: TrainPlan, chats: tuple[Chat, ...], out: Path) -> TrainReport:
    """The report of a training that was finished, or the training. One folder is for one plan."""
    out.mkdir(parents=True, exist_ok=True)
    planned, finished = out / "plan.json", out / "training.json"
    if planned.is_file() and planned.read_text() != plan.model_dump_json():
        raise ConflictError(f"{out} holds the training of another plan", hint="give another folder")
    planned.write_text(plan.model_dump_json())
    if finished.is_file():
        return TrainReport.model_validate_json(finished.read_bytes())
    report = train_adapter(plan, chats, out)
    finished.write_text(report.model_dump_json(indent=2) + "\n")
    return report


if __name__ == "__main__":
    app()
