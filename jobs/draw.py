"""Draw samples for every task of a benchmark and log them, so that selectors can be replayed offline.

Generation is the dear part of an evaluation and does not depend on how candidates are chosen. So it is done
once: N samples for each task go into a ledger with their text, tokens and seconds; everything that judges or
selects reads that file. Samples are drawn index by index over all tasks (all greedy ones first): a log that
was cut short still holds the same number of samples of every task, up to one.

``python -m jobs.draw --benchmark humaneval --model qwen2.5-coder-1.5b``; the same command resumes.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from jobs.benchmarks import Task, load_tasks
from jobs.ending import explained
from jobs.ledger import Ledger, LedgerRow, open_ledger
from jobs.slotted import Slotted
from qlayer.app.build import build_llm
from qlayer.app.settings import Settings, load_settings
from qlayer.errors import InputError
from qlayer.generation.sampler import Draw, draw
from qlayer.llm.base import LLM, ChatRequest, complete
from qlayer.llm.catalogue import Catalogue
from qlayer.llm.logged import request_key
from qlayer.pipeline.policy import policy_for
from qlayer.types.candidate import Sampling
from qlayer.types.ids import Digest, ModelId, digest_of


class SampleRow(LedgerRow):
    """One drawn sample. The key is the digest of model, prompt and sampling: what decides the text."""

    task: str
    index: int
    """0 is the greedy sample."""
    seed: int
    """Of the run; `sampling.seed` is made from it and the index."""
    model: ModelId
    prompt: Digest
    sampling: Sampling
    text: str
    finish_reason: str
    tokens: int
    """Generated."""
    seconds: float


def key_of(model: ModelId, wanted: Draw) -> Digest:
    return request_key(ChatRequest(model=model, messages=wanted.messages, sampling=wanted.sampling))


def draw_of(task: Task, index: int, seed: int, max_tokens: int) -> Draw:
    """The sample to ask for; the task goes through intake and template as a user's request would."""
    seen = Slotted.of(task)
    return draw(seen.slot, seen.spec, index, max_tokens=max_tokens, seed=seed)


async def sample(llm: LLM, model: ModelId, task: Task, wanted: Draw, seed: int) -> SampleRow:
    """Ask for one sample. Raises `LLMError`."""
    began = time.monotonic()
    request = ChatRequest(model=model, messages=wanted.messages, sampling=wanted.sampling)
    completion = await complete(llm, request, lambda _: None)
    return SampleRow(
        key=key_of(model, wanted),
        task=task.id,
        index=wanted.index,
        seed=seed,
        model=model,
        prompt=digest_of([message.model_dump() for message in wanted.messages]),
        sampling=wanted.sampling,
        text=completion.text,
        finish_reason=completion.finish_reason,
        tokens=completion.usage.completion_tokens,
        seconds=time.monotonic() - began,
    )


async def draw_all(
    settings: Settings, tasks: tuple[Task, ...], ledger: Ledger[SampleRow], *, samples: int, seed: int
) -> int:
    """Draw what the ledger lacks; how many that were. Raises `LLMError`, `WeightsError`."""
    catalogue = Catalogue.load(settings.catalogue)
    max_tokens = policy_for(catalogue.get(settings.model).parameters_b).sample_tokens
    pairs = [(task, draw_of(task, index, seed, max_tokens)) for index in range(samples) for task in tasks]
    missing = [(task, wanted) for task, wanted in pairs if key_of(settings.model, wanted) not in ledger]
    if not missing:
        return 0
    llm = build_llm(settings, catalogue)
    try:
        for task, wanted in track(missing, description="drawing", console=Console(stderr=True)):
            ledger.add(await sample(llm, settings.model, task, wanted, seed))
    finally:
        await llm.aclose()
    return len(missing)


def main(
    benchmark: Annotated[str, typer.Option(help="humaneval, or a JSONL file")] = "humaneval",
    model: Annotated[
        str | None, typer.Option(help="id of the catalogue; default: the configured one")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, max=100, help="samples a task, the greedy one included")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="of the run")] = 0,
    out: Annotated[Path | None, typer.Option(help="the log's folder; the same one resumes")] = None,
    first: Annotated[int, typer.Option(min=0, help="index of the first task")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="how many tasks")] = None,
) -> None:
    """Log N samples of every task; resumable, a killed run repeats nothing."""
    with explained():
        settings = load_settings(model=model)
        tasks = tuple(
            itertools.islice(load_tasks(benchmark), first, None if limit is None else first + limit)
        )
        if not tasks:
            raise InputError("no task is left after --first and --limit", field="limit")
        folder = out or settings.data_dir / "samples" / f"{Path(benchmark).stem}-{settings.model}"
        with open_ledger(folder / "samples.jsonl", SampleRow) as ledger:
            drawn = asyncio.run(draw_all(settings, tasks, ledger, samples=samples, seed=seed))
            typer.echo(f"{drawn} samples drawn, {len(ledger.rows)} in {folder / 'samples.jsonl'}")


if __name__ == "__main__":
    typer.run(main)
