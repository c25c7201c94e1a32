"""Submit one of our jobs to the Ray of the local stack, and follow its log.

``python -m jobs.submit evaluate -- --benchmark humaneval``. The job runs with this interpreter, asks the
stack's language model, and shows in the Ray dashboard under its own name.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qlayer.app.settings import Settings, load_settings
from qlayer.app.stack import StackState, stack_status
from qlayer.errors import ConfigurationError, QlayerError

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

JOBS = ("evaluate", "bench_llm", "grade", "finetune")
STACK_OPTIONS = {"evaluate": "--llm-url"}
"""Jobs that take the stack's model server, and by which option."""
ON_A_GPU = ("finetune",)
"""Jobs whose own process needs a GPU: Ray starts them where one is free."""


def running_stack(settings: Settings) -> StackState:
    """The state of the stack that is up. Raises `ConfigurationError` when none is."""
    status = stack_status(settings)
    if status.stack is None or status.health == "down":
        raise ConfigurationError("no stack is up, so there is no Ray to submit to", hint="qlayer up")
    return status.stack


def connect(state: StackState) -> JobSubmissionClient:
    """A client that shows the stack's token. Ray reads the token's place from the environment only."""
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(state.token_path)
    from ray.job_submission import JobSubmissionClient  # reads the two variables above when it is imported

    return JobSubmissionClient(state.dashboard_url)


def submit(
    settings: Settings, state: StackState, job: str, arguments: list[str]
) -> tuple[JobSubmissionClient, str]:
    """Hand the job over; returns the client and the job's id."""
    client = connect(state)
    option = STACK_OPTIONS.get(job)
    given = [option, state.llm_url] if option is not None and option not in arguments else []
    entrypoint = shlex.join([sys.executable, "-m", f"jobs.{job}", *given, *arguments])
    job_id = client.submit_job(
        entrypoint=entrypoint,
        runtime_env={"env_vars": _environment(settings)},
        metadata={"job": job, "model": settings.model},
        entrypoint_num_gpus=1 if job in ON_A_GPU else None,
    )
    return client, job_id


def _environment(settings: Settings) -> dict[str, str]:
    """What the job needs of our settings; everything else it reads from its arguments."""
    return {
        "QLAYER_DATA_DIR": str(settings.data_dir),
        "QLAYER_WEIGHTS_DIR": str(settings.weights),
        "QLAYER_MODEL": settings.model,
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }


async def follow(client: JobSubmissionClient, job_id: str) -> None:
    async for text in client.tail_job_logs(job_id):
        sys.stdout.write(text)
        sys.stdout.flush()


def main(
    job: Annotated[str, typer.Argument(help=f"one of: {', '.join(JOBS)}")],
    arguments: Annotated[list[str] | None, typer.Argument(help="the job's own arguments, after --")] = None,
    wait: Annotated[bool, typer.Option(help="follow the log to the end")] = True,
) -> None:
    """Run a job on the stack's Ray. Ctrl-C stops the following, not the job."""
    try:
        if job not in JOBS:
            raise ConfigurationError(f"there is no job {job!r}", hint=f"one of: {', '.join(JOBS)}")
        settings = load_settings()
        client, job_id = submit(settings, running_stack(settings), job, arguments or [])
    except QlayerError as error:
        typer.echo(f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""), err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(f"submitted {job_id}", err=True)
    if not wait:
        return
    try:
        asyncio.run(follow(client, job_id))
    except KeyboardInterrupt:
        typer.echo(f"no longer following; {job_id} goes on", err=True)
        raise typer.Exit(130) from None
    info = client.get_job_info(job_id)
    if info.status != "SUCCEEDED":
        typer.echo(f"{job_id} ended as {info.status}: {info.message}", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
