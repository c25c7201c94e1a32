"""`parse_tool`: the command-line side of a request."""

from __future__ import annotations

import re

from qlayer.generation.intake_tool.observed import observe, subcommands
from qlayer.generation.intake_tool.shell import program_name, read_sessions
from qlayer.generation.intake_tool.usage import described, read_option, read_usage
from qlayer.types.frozen import Frozen
from qlayer.types.spec import Ignored
from qlayer.types.tool import Argument, Command, Invocation, Tool

_KIND = r"command[- ]line (?:tool|program|app(?:lication)?|utility|interface)|CLI(?: tool| app| program)?"
_NAMED = re.compile(
    rf"\b(?:{_KIND}|tool|utility)\b,?(?: (?:called|named))?:? [`*\"']+([A-Za-z][\w-]*)[`*\"']+", re.I
)
_SPEAKS = re.compile(
    r"\b(?:command[- ]line|CLI|(?:console|terminal) (?:tool|program|app\w*)|subcommands?)\b", re.I
)
_CALLED = re.compile(r"\b(?:called|named) [`*\"']*([A-Za-z][\w-]*)")
_STATE = re.compile(
    r"\b(?:stor\w+|kept|keeps?|sav\w+|persist\w*|remember\w*|lives? )\b"
    r"[^.\n]{0,80}?[`\"']?\b([\w-]+\.json)\b",
    re.I,
)
_STATE_FIRST = re.compile(r"[`\"']?\b([\w-]+\.json)\b[`\"']?[^.\n]{0,40}\b(?:stores|keeps|holds)\b", re.I)
_SECTION = re.compile(r"^(?:#{1,6}\s+)?\**([A-Za-z][A-Za-z ]{2,30}?)\**:?\**\s*$")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+(?=\S)")
_FILE_BLOCK = re.compile(
    r"^[^\n$]*?[`\"']?(?P<name>[\w-]+(?:/[\w-]+)*\.[A-Za-z]{1,5})[`\"']?[^\n$]*:[*_]*[ \t]*\n+"
    r"(?P<fence>```|~~~)[^\n]*\n(?P<text>.*?)^(?P=fence)",
    re.M | re.S,
)


class ToolParts(Frozen):
    """What a request says about a tool. `tool` is None when it is not about one."""

    tool: Tool | None = None
    ignored: tuple[Ignored, ...] = ()
    lines: tuple[int, ...] = ()
    """1-based numbers of the lines that were read as calls and their output."""


def parse_tool(text: str, *, wanted: bool = False) -> ToolParts:
    """Read the command-line side of a request; `wanted`: it is known to ask for a tool. Never raises."""
    named = _NAMED.search(text) or (_CALLED.search(text) if wanted or _SPEAKS.search(text) else None)
    program = program_name(named[1]) if named else None
    given = {
        match["name"]: match["text"] for match in _FILE_BLOCK.finditer(text) if "$ " not in match["text"]
    }
    session = read_sessions(text, program, given)
    if (
        not session.invocations
        and not wanted
        and not (named and _NAMED.search(text))
        and not _SPEAKS.search(text)
    ):
        return ToolParts()
    program = session.program or "tool"
    prose = "\n".join(line for number, line in enumerate(text.split("\n"), 1) if number not in session.lines)
    declared, options, lines = _declared(prose, program)
    state = _STATE.search(prose) or _STATE_FIRST.search(prose)
    tool = Tool(
        name=program,
        commands=_commands(declared, options, session.invocations, prose),
        invocations=tuple(session.invocations),
        state=state[1] if state and not any(state[1] in call.argv for call in session.invocations) else None,
    )
    return ToolParts(tool=tool, ignored=tuple(session.ignored), lines=tuple(sorted(session.lines | lines)))


def _declared(prose: str, program: str) -> tuple[list[Command], list[Argument], set[int]]:
    """Commands and options from lists and usage lines, with the numbers of these lines."""
    commands: dict[str, Command] = {}
    options: list[Argument] = []
    lines: set[int] = set()
    section = ""
    for number, line in enumerate(prose.split("\n"), 1):
        heading = _SECTION.match(line.strip())
        if heading and (line.lstrip().startswith(("#", "**")) or line.rstrip().endswith(":")):
            section = heading[1].lower()
            if re.search(r"\b(?:commands|options|usage|examples?|arguments)\b", section):
                lines.add(number)
            continue
        bullet = _BULLET.match(line)
        text = line[bullet.end() :] if bullet else line.strip()
        option = read_option(text) if bullet or "option" in section else None
        if option is not None:
            options.append(option)
            lines.add(number)
            continue
        usage = re.sub(r"^usage:?\s*", "", text, flags=re.I)
        starts = re.match(rf"`?{re.escape(program)}(?:\.py)? ", usage) is not None
        if not (starts or (bullet and (usage.startswith("`") or "command" in section))):
            continue
        command = read_usage(usage, program)
        if command is not None and (command.name or command.arguments):
            commands.setdefault(command.name, command)
            lines.add(number)
    return list(commands.values()), options, lines


def _commands(
    declared: list[Command], options: list[Argument], calls: list[Invocation], prose: str
) -> tuple[Command, ...]:
    """Declared and observed commands together; one without a name when the tool has no subcommands."""
    named = [command for command in declared if command.name]
    words = {call.argv[0] for call in calls if call.argv and not call.fails}
    if calls and not words & {command.name for command in named}:
        named = []
    names = [command.name for command in named] or list(subcommands(calls, prose))
    if not names:
        single = next((command for command in declared if not command.name), Command())
        return (observe(_with_options(single, options, calls), calls, prose),)
    known = {command.name: command for command in named}
    names += [
        word
        for word in dict.fromkeys(c.argv[0] for c in calls if c.argv and not c.fails)
        if word not in names
    ]
    found = []
    for name in names:
        own = [c.model_copy(update={"argv": c.argv[1:]}) for c in calls if c.argv[:1] == (name,)]
        command = known.get(name) or Command(name=name, summary=_summary_of(name, prose))
        found.append(observe(_with_options(command, options, own), own, prose))
    return tuple(found)


def _with_options(command: Command, options: list[Argument], calls: list[Invocation]) -> Command:
    """The command with the options that its calls use; with all of them when there is only one command."""
    have = {flag for argument in command.arguments for flag in argument.flags}
    said = {word.partition("=")[0] for call in calls for word in call.argv}
    arguments = [_better(argument, options) for argument in command.arguments]
    for option in options:
        if not have & set(option.flags) and (not command.name or said & set(option.flags)):
            arguments.append(option)
    return command.model_copy(update={"arguments": tuple(described(a, a.help) for a in arguments)})


def _better(argument: Argument, options: list[Argument]) -> Argument:
    """The same option as its own line describes it."""
    return next((o for o in options if set(o.flags) & set(argument.flags)), argument)


def _summary_of(name: str, prose: str) -> str:
    """The first sentence or line that speaks of the command."""
    for line in prose.split("\n"):
        if re.search(rf"[`\"']{re.escape(name)}\b|^\W*{re.escape(name)}\b\s*[:—–-]", line):
            return " ".join(_BULLET.sub("", line).replace("`", "").split())[:200]
    return ""
