"""How a run ended, for a person and for a script."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from qlayer.cli.progress import RunResult
from qlayer.cli.render import checks_table, decision_style, decision_text, printable, short
from qlayer.errors import RunCancelled
from qlayer.types.run import RunStatus


def exit_code(result: RunResult) -> int:
    """0: a capsule, everything trusted passed, and no policy denies it. 130: cancelled. Else 1."""
    if result.status is RunStatus.CANCELLED:
        return RunCancelled.exit_code
    proved = result.decision is not None and result.decision.allow and result.capsule is not None
    return 0 if proved and (result.release is None or result.release.allow) else 1


def result_panel(result: RunResult) -> Panel:
    """Level, verdicts, what it cost and where it lies."""
    parts: list[RenderableType] = []
    if result.checks:
        parts += [checks_table(result.checks), Text()]
    parts += [Text(line) for line in _lines(result)]
    style = decision_style(result.decision) if result.decision else "red"
    title = decision_text(result.decision) if result.decision else Text(result.status, style="red")
    return Panel(Group(*parts), title=title, title_align="left", border_style=style)


def _lines(result: RunResult) -> list[str]:
    reasons = result.decision.reasons if result.decision else ()
    failed = [check.check for check in result.checks if not check.ok]  # the table says why
    usage = result.usage
    lines = [
        f"{result.status}: {printable(result.reason)}",
        *(printable(reason) for reason in reasons if not any(check in reason for check in failed)),
        f"{usage.completion_tokens} tokens generated, {usage.prompt_tokens} read, {result.seconds:.1f} s",
        f"run      {result.run_id}",
    ]
    if result.capsule is not None:
        lines.append(f"capsule  {result.capsule}")
        if result.release is not None:
            allowed = "allowed" if result.release.allow else "denied"
            lines.append(f"release  {allowed} for {result.release.environment}")
            if result.image is not None:
                lines.append(f"image    {result.image}")
            lines += [f"         - {printable(reason)}" for reason in result.release.reasons]
        export = f"qlayer capsule export {short(result.capsule)} DIR"
        lines.append(f"project  {result.exported_to or f'not exported yet: {export}'}")
    return lines
