"""Measure a language model through Ray Serve against the bare engine, interleaved in one run.

Three arms answer the same requests in turn, so that a neighbour's load falls on all alike: ``raw`` calls
llama.cpp with nothing of ours around it, ``engine`` is our asynchronous engine in this process, ``serve`` is
HTTP to a Ray Serve replica with as many threads. Compare ratios, not seconds: those are this machine's, now.

    python -m jobs.bench_llm --model qwen2.5-coder-0.5b --json bench.json
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.llm_arms import Round, Summary, measure, summarise, three_arms
from jobs.local_serve import local_serve
from qlayer.app.settings import load_settings
from qlayer.errors import QlayerError
from qlayer.llm.catalogue import Catalogue
from qlayer.llm.llamacpp import LlamaCppConfig
from qlayer.llm.weights import Weights
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId


class Machine(Frozen):
    processor: str
    cpus: int
    python: str
    load_before: float
    """One-minute load average; 1 is one busy CPU."""
    load_after: float


class Report(Frozen):
    model: ModelId
    threads: int
    tokens: int
    rounds: int
    machine: Machine
    summaries: tuple[Summary, ...]
    samples: tuple[Round, ...]


def print_report(report: Report) -> None:
    machine = report.machine
    typer.echo(f"{report.model}, {report.threads} threads, {report.tokens} tokens, {report.rounds} rounds")
    typer.echo(f"{machine.processor}, {machine.cpus} CPUs, Python {machine.python}")
    typer.echo(f"load average {machine.load_before:.2f} before, {machine.load_after:.2f} after\n")
    typer.echo("at once  arm     first token s  tokens/s  decode tokens/s  against raw")
    for row in report.summaries:
        typer.echo(
            f"{row.concurrency:7}  {row.arm:6}  {row.first_token_s:13.3f}  {row.tokens_per_s:8.1f}"
            f"  {row.decode_tokens_per_s:15.1f}  {row.ratio:11.3f}"
        )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main(
    model: Annotated[str, typer.Option(help="A llama.cpp model of the catalogue.")] = "qwen2.5-coder-0.5b",
    threads: Annotated[
        int, typer.Option(min=1, help="Of each arm. Default: all CPUs but one, for the client and Ray.")
    ] = max(1, len(os.sched_getaffinity(0)) - 1),
    slots: Annotated[int, typer.Option(min=1, help="Requests at once in the second half.")] = 2,
    tokens: Annotated[int, typer.Option(min=2, help="Generated for each request.")] = 96,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write the report and all samples.")
    ] = None,
) -> None:
    """Tokens a second through Ray Serve against the bare engine."""
    settings = load_settings()
    entry = Catalogue.load(settings.catalogue).get(model)
    weights = Weights(settings.weights).path(entry)
    config = LlamaCppConfig.for_entry(entry, weights, slots=slots, threads=threads)
    arguments = {
        "model": entry.id,
        "models_dir": str(settings.catalogue.resolve()),
        "weights_dir": str(settings.weights.resolve()),
        "slots": slots,
        "num_cpus": threads,
    }

    async def run(base_url: str) -> list[Round]:
        async with three_arms(config, base_url) as arms:
            return await measure(arms, entry.id, tokens=tokens, rounds=rounds, slots=slots)

    with local_serve(arguments, num_cpus=threads) as base_url:
        load_before = os.getloadavg()[0]
        samples = asyncio.run(run(base_url))
    machine = Machine(
        processor=_processor(),
        cpus=len(os.sched_getaffinity(0)),
        python=platform.python_version(),
        load_before=load_before,
        load_after=os.getloadavg()[0],
    )
    report = Report(
        model=entry.id,
        threads=threads,
        tokens=tokens,
        rounds=rounds,
        machine=machine,
        summaries=summarise(samples),
        samples=tuple(samples),
    )
    print_report(report)
    if json_path is not None:
        json_path.write_text(report.model_dump_json(indent=2))


if __name__ == "__main__":
    try:
        typer.run(main)
    except QlayerError as error:
        sys.exit(f"error: {error.message}" + (f" ({error.hint})" if error.hint else ""))
