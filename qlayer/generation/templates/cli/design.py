"""What the tool will be made of, worked out from the request before anything is written."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Sequence

from qlayer.generation.imports import SAFE_MODULES
from qlayer.generation.naming import identifier
from qlayer.types.frozen import Frozen
from qlayer.types.tool import Argument, Command, Invocation, Tool

MAX_COMMANDS = 20
MAX_BRIEF_EXAMPLES = 3
MAX_DESCRIPTION_CHARS = 1_200
"""Of what the request says about the whole tool: a slot's prompt stays small."""
_PYTHON = {
    "str": "str",
    "int": "int",
    "float": "float",
    "number": "int | float",
    "flag": "bool",
    "file": "str",
}
_OUTPUT = frozenset({"output", "out", "o"})
_PREFIX = re.compile(r"^(?:[Ee]rror|ERROR|[\w.-]+: error|[\w.-]+): ")


class Made(Frozen):
    """A command with the function that the model writes for it."""

    name: str
    function: str
    help: str
    signature: str
    brief: str
    arguments: tuple[Argument, ...]
    calls: tuple[Invocation, ...]
    """Its calls in the request, without the command's own word."""


class Design(Frozen):
    """The whole tool."""

    program: str
    commands: tuple[Made, ...]
    subcommands: bool
    state: str | None
    output: str | None
    """Name of the option that says where the text goes instead of the terminal."""
    stdin: bool
    """Whether the commands get the standard input as `text`."""
    error_prefix: str
    error_status: int
    missing_file: str
    """The message for a file that cannot be read, as the inside of an f-string with its quotes."""

    @property
    def reads_files(self) -> bool:
        return any(argument.type == "file" for command in self.commands for argument in command.arguments)

    @property
    def has_numbers(self) -> bool:
        return any(argument.type == "number" for command in self.commands for argument in command.arguments)


def design_tool(tool: Tool, description: str) -> Design:
    """Equal tools give equal designs."""
    output = _output(tool)
    prefix = _error_prefix(tool.invocations)
    stdin = _reads_stdin(tool)
    taken: set[str] = set()
    made = []
    for command in tool.commands[:MAX_COMMANDS] or (Command(),):
        calls = [call for call in tool.invocations if not command.name or call.argv[:1] == (command.name,)]
        made.append(
            _made(tool, command, calls, description, output=output, stdin=stdin, prefix=prefix, taken=taken)
        )
    statuses = [call.status for call in tool.invocations if call.fails and call.status]
    return Design(
        program=tool.name,
        commands=tuple(made),
        subcommands=any(command.name for command in made),
        state=tool.state,
        output=output,
        stdin=stdin,
        error_prefix=prefix,
        error_status=max(set(statuses), key=statuses.count) if statuses else 1,
        missing_file=_missing_file(tool, prefix),
    )


def parser_arguments(argument: Argument) -> str:
    """What ``add_argument`` gets for an argument, as Python source."""
    parts = [_text(flag) for flag in argument.flags] or [_text(argument.name)]
    if argument.flags:
        parts.append(f"dest={_text(argument.name)}")
    if argument.type == "flag":
        parts.append('action="store_true"')
    elif argument.type in ("int", "float", "number", "file"):
        parts.append(f"type={'file_text' if argument.type == 'file' else argument.type}")
    if argument.many:
        parts.append(f"nargs={_text('+' if argument.required else '*')}")
    elif not argument.flags and not argument.required:
        parts.append('nargs="?"')
    if argument.choices:
        parts.append(f"choices={list(argument.choices)!r}".replace("'", '"'))
    if argument.flags and argument.required:
        parts.append("required=True")
    if argument.type == "file" and not argument.required and not argument.flags and not argument.many:
        parts.append('default="-"')
    elif argument.default is not None and argument.type != "flag":
        parts.append(f"default={argument.default}")
    if argument.help:
        parts.append(f"help={_text(argument.help.replace('%', '%%'))}")
    return ", ".join(parts)


def _made(
    tool: Tool, command: Command, calls: Sequence[Invocation], description: str, *,
    output: str | None, stdin: bool, prefix: str, taken: set[str],
) -> Made:  # fmt: skip
    function = _function_name(command.name or tool.name, taken)
    arguments = tuple(_safe(argument) for argument in command.arguments)
    given = [argument for argument in arguments if argument.name != output]
    parameters = [_parameter(argument) for argument in given]
    required = [text for text in parameters if "=" not in text]
    optional = [text for text in parameters if "=" in text]
    state = ["items: list[dict[str, Any]]"] if tool.state else []
    text = ["text: str"] if stdin else []
    summary = command.summary or description
    own = [call.model_copy(update={"argv": call.argv[1:] if command.name else call.argv}) for call in calls]
    return Made(
        name=command.name,
        function=function,
        help=" ".join((command.summary or "").split())[:200],
        signature=f"def {function}({', '.join([*state, *required, *text, *optional])}) -> str",
        brief=_brief(tool, command, calls, summary, description, prefix, given),
        arguments=arguments,
        calls=tuple(own),
    )


def _brief(
    tool: Tool, command: Command, calls: Sequence[Invocation], summary: str, description: str, prefix: str,
    arguments: Sequence[Argument],
) -> str:  # fmt: skip
    """What the function must do: the request's words about it, then what its calls print."""
    lines = [summary[:1].upper() + summary[1:] if summary else f"What `{tool.name} {command.name}` prints."]
    if command.summary and description:
        lines += ["", description[:MAX_DESCRIPTION_CHARS], ""]
    lines += [f"{argument.name}: the text of the file." for argument in arguments if argument.type == "file"]
    if tool.state:
        lines.append("items is the list of all that is kept; change it in place, it is saved afterwards.")
    lines.append("Return the text to print.")
    good = [call for call in calls if not call.fails and call.output is not None]
    for call in good[:MAX_BRIEF_EXAMPLES]:
        lines.append(f"For `{_shell(tool.name, call)}` the text is {call.output!r}.")
    for message in dict.fromkeys(call.output for call in calls if call.fails and call.output):
        shown = next(call for call in calls if call.output == message)
        if not _is_missing(shown, calls):
            lines.append(
                f"For `{_shell(tool.name, shown)}` raise ValueError({message.removeprefix(prefix)!r})."
            )
    return "\n".join(lines)


def _shell(program: str, call: Invocation) -> str:
    shown = " ".join(
        [program, *(word if re.fullmatch(r"[\w./,:=+-]+", word) else repr(word) for word in call.argv)]
    )
    files = [f"{path} holding {text!r}" for path, text in call.files.items() if path in call.argv]
    given = [f"the input {call.stdin!r}"] if call.stdin else []
    return shown + (f"` with `{', '.join([*files, *given])}" if files or given else "")


def _safe(argument: Argument) -> Argument:
    """No parameter hides a built-in name that the function may need."""
    clash = hasattr(builtins, argument.name) or argument.name in ("items", "text", "run")
    name = f"{argument.name}_value" if clash else argument.name
    return argument.model_copy(update={"name": name})


def _parameter(argument: Argument) -> str:
    kind = _PYTHON[argument.type]
    if argument.many:
        return f"{argument.name}: list[{kind}]"
    if argument.type == "flag":
        return f"{argument.name}: bool = False"
    if argument.default is not None:
        return f"{argument.name}: {kind} = {argument.default}"
    if argument.required or argument.type == "file":
        return f"{argument.name}: {kind}"
    return f"{argument.name}: {kind} | None = None"


def _function_name(name: str, taken: set[str]) -> str:
    """A name that hides no built-in function and no module that the others may need."""
    found = identifier(name) or "run"
    if hasattr(builtins, found) or found in SAFE_MODULES or found in ("items", "text"):
        found = f"{found}_command"
    while found in taken:
        found += "_"
    taken.add(found)
    return found


def _output(tool: Tool) -> str | None:
    """The option that names a file for the text: only when nothing is printed beside it."""
    found = {a.name for command in tool.commands for a in command.arguments if a.flags and a.name in _OUTPUT}
    flags = {f for c in tool.commands for a in c.arguments if a.name in found for f in a.flags}
    silent = all(not call.output for call in tool.invocations if flags & set(call.argv) and not call.fails)
    everywhere = all(any(a.name in found for a in command.arguments) for command in tool.commands)
    return next(iter(found)) if len(found) == 1 and silent and everywhere else None


def _reads_stdin(tool: Tool) -> bool:
    """Whether calls are given input that no file argument takes."""
    files = any(a.type == "file" for command in tool.commands for a in command.arguments)
    return not files and any(call.stdin for call in tool.invocations)


def _error_prefix(calls: Sequence[Invocation]) -> str:
    """What all refusals begin with; ``error: `` when none is shown."""
    shown = [call.output for call in calls if call.fails and call.output]
    found = {match[0] if (match := _PREFIX.match(text)) else "" for text in shown}
    return found.pop() if len(found) == 1 else "" if found else "error: "


def _is_missing(call: Invocation, calls: Sequence[Invocation]) -> bool:
    """Whether a refusal is about a file that is not there."""
    files = {path for one in calls for path in one.files}
    named = [word for word in call.argv if re.fullmatch(r"[\w/-]+\.\w{1,5}", word) and word not in files]
    return any(name in (call.output or "") for name in named)


def _missing_file(tool: Tool, prefix: str) -> str:
    """The message as the request shows it, with the path in its place."""
    for call in tool.invocations:
        if call.fails and call.output and _is_missing(call, tool.invocations):
            path = next(word for word in call.argv if "." in word and word in call.output)
            message = (
                call.output.removeprefix(prefix).replace("{", "{{").replace("}", "}}").replace(path, "{path}")
            )
            return _text(message)
    return '"cannot read {path}: {error.strerror}"'


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
