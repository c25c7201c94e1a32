"""The ``qlayer`` command: what it offers, and what a person sees when something goes wrong.

Every error of ours ends a command with one sentence on stderr, a hint where there is one, and the exit status
of its kind. Anything else is a defect and shows its traceback.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from qlayer import __version__
from qlayer.cli import bench, capsule, env, keys, memory, models, policy, release, runs, store, templates
from qlayer.cli.doctor import doctor
from qlayer.cli.generate import generate
from qlayer.cli.render import err, printable
from qlayer.cli.run import run as run_program
from qlayer.cli.scan import scan
from qlayer.cli.session import session
from qlayer.cli.up import down, status, up
from qlayer.cli.validate import validate
from qlayer.errors import InputError, QlayerError, RunCancelled


class _Commands(TyperGroup):
    """Commands that turn our errors into exit statuses."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except QlayerError as error:
            _explain(error)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            err().print("interrupted")
            raise typer.Exit(RunCancelled.exit_code) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A request in plain words becomes software that is proved to run, with its evidence inside.",
)
app.command()(generate)
app.command()(validate)
app.command()(scan)
app.command("run")(run_program)
app.command()(session)
app.add_typer(runs.app, name="runs")
app.add_typer(capsule.app, name="capsule")
app.add_typer(memory.app, name="memory")
app.add_typer(release.app, name="release")
app.add_typer(store.app, name="store")
app.add_typer(policy.app, name="policy")
app.add_typer(templates.app, name="templates")
app.add_typer(models.app, name="models")
app.add_typer(env.app, name="env")
app.add_typer(keys.app, name="keys")
app.command()(up)
app.command()(down)
app.command()(status)
app.command()(doctor)
app.add_typer(bench.app, name="bench")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"qlayer {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of all commands."""


def run() -> None:
    """Entry point of the installed script."""
    app(prog_name="qlayer")


def _explain(error: QlayerError) -> None:
    console = err()
    console.print(f"error: {printable(error.message)}", style="red", soft_wrap=True)
    if isinstance(error, InputError) and error.limit:
        console.print(f"limit: {printable(error.limit)}", soft_wrap=True)
    if error.hint:
        console.print(f"hint: {printable(error.hint)}", soft_wrap=True)


if __name__ == "__main__":
    run()
