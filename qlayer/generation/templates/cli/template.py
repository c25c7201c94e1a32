"""Fits a spec to the `cli` family and instantiates it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from qlayer.errors import InputError
from qlayer.generation.base import Fit, Skeleton, Slot
from qlayer.generation.imports import SAFE_MODULES
from qlayer.generation.naming import package_name
from qlayer.generation.templates.cli.design import Design, Made, design_tool, parser_arguments
from qlayer.generation.templates.function.source import docstring_block
from qlayer.generation.templates.playing import plan, play_files, project_tests, smoke
from qlayer.generation.templates.render import render_folder
from qlayer.types.check import BootPlan, CheckPlan
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec
from qlayer.types.tool import Invocation

_FOLDER = Path(__file__).parent
_FILES = _FOLDER / "files"
_READERS = re.compile(
    r"^(?:list|ls|show|print|get|view|find|search|count|stats?|summary|total|report|export|balance)"
)
"""Commands by these names change nothing that is kept, so that others can be proved without them."""
ALLOWED_IMPORTS = (*sorted(SAFE_MODULES), "os", "pathlib", "shlex", "sys")


class CliTemplate:
    """A command-line tool on argparse; the model writes one function a command."""

    name = "cli"
    summary = "a command-line tool with commands, options and their tests"
    folder = _FOLDER

    def fit(self, spec: Spec) -> Fit:
        if spec.tool is None:
            return Fit(score=0.0, reason="the request neither calls a command line nor speaks of one")
        if spec.tool.invocations:
            count = len(spec.tool.invocations)
            return Fit(
                score=0.95, reason=f"the request shows calls of the command line {spec.tool.name} ({count})"
            )
        return Fit(score=0.6, reason=f"the request speaks of a command-line tool, {spec.tool.name}")

    def instantiate(self, spec: Spec) -> Skeleton:
        if spec.tool is None:
            raise InputError(
                "a command-line tool needs at least one call or command",
                field="text",
                hint="add lines such as `$ calc add 1 2` with the output below",
            )
        tool = spec.tool
        design = design_tool(tool, spec.description)
        package = package_name(tool.name)
        values = {
            "package": package,
            "title": spec.title,
            "title_line": _title_line(spec.title),
            "summary": _literal(spec.title),
            "design": design,
            "docstring": docstring_block,
            "literal": lambda text: _literal(text.replace("%", "%%")),
            "parser_arguments": parser_arguments,
        }
        files = {**render_folder(_FILES, values), **play_files(package, tool.invocations)}
        examples = (
            [plan("examples", tool.name, [(call, True) for call in tool.invocations])]
            if tool.invocations
            else []
        )
        return Skeleton(
            template=self.name,
            tree=SourceTree().with_files(files),
            slots=_slots(design, package, tool.invocations),
            boot=(BootPlan(module=f"{package}.cli"), smoke([command.name for command in design.commands])),
            final=(*examples, project_tests(tool.invocations)),
        )


def _slots(design: Design, package: str, calls: Sequence[Invocation]) -> tuple[Slot, ...]:
    """One slot a command, in the order in which the calls come to them."""
    order = {call.argv[0]: place for place, call in reversed(list(enumerate(calls))) if call.argv}
    commands = sorted(design.commands, key=lambda made: order.get(made.name, len(calls)))
    slots = []
    for place, made in enumerate(commands):
        later = {other.name for other in commands[place + 1 :]}
        earlier = tuple(other.function for other in commands[:place]) if design.state else ()
        slots.append(
            Slot(
                name=made.function,
                path=f"src/{package}/commands.py",
                module=f"{package}.commands",
                signature=made.signature,
                brief=made.brief,
                allowed_imports=ALLOWED_IMPORTS,
                checks=_checks(design, made, calls, later),
                like=earlier,
            )
        )
    return tuple(slots)


def _checks(
    design: Design, made: Made, calls: Sequence[Invocation], later: set[str]
) -> tuple[CheckPlan, ...]:
    """The calls that prove a command; where calls share what is kept, with those before them."""
    own = [call for call in calls if not made.name or call.argv[:1] == (made.name,)]
    if not own:
        return ()
    if not design.state:
        return (plan(made.function, design.program, [(_alone(call, calls), True) for call in own]),)
    steps: list[tuple[Invocation, bool]] = []
    blocked = False
    for call in calls:
        left_out = bool(call.argv[:1]) and call.argv[0] in later
        blocked = (blocked and not call.fresh) or (left_out and not _READERS.match(call.argv[0]))
        if not blocked and not left_out:
            steps.append((call, call in own))
    return (plan(made.function, design.program, steps),) if any(judged for _, judged in steps) else ()


def _alone(call: Invocation, calls: Sequence[Invocation]) -> Invocation:
    """The call in a folder of its own, with the files that its block began with."""
    files = dict(call.files)
    for earlier in reversed(calls[: calls.index(call)] if not call.fresh else ()):
        files = {**earlier.files, **files}
        if earlier.fresh:
            break
    return call.model_copy(update={"files": files, "fresh": True})


def _title_line(title: str) -> str:
    return " ".join(title.split()).replace("\\", "/").replace('"', "'").rstrip(".") + "."


def _literal(text: str) -> str:
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
