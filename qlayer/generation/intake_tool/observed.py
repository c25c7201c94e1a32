"""What the example calls of a tool show about its commands: which there are, and what each takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from qlayer.generation.intake_tool.usage import kind_of_name
from qlayer.generation.naming import identifier
from qlayer.types.tool import Argument, ArgumentType, Command, Invocation

_INT = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
MAX_NAMED = 3
"""More positional arguments than this are taken as a list."""


@dataclass
class _Seen:
    """One call, sorted into what stands free and what follows a flag."""

    free: list[str] = field(default_factory=list)
    options: dict[str, list[str | None]] = field(default_factory=dict)


def subcommands(invocations: Sequence[Invocation], prose: str) -> tuple[str, ...]:
    """First words that are names of commands: the prose speaks of each, or several take arguments."""
    first = [call.argv[0] for call in invocations if call.argv]
    words = [word for word in dict.fromkeys(first) if re.fullmatch(r"[a-z][a-z-]+", word)]
    good = [call.argv[0] for call in invocations if call.argv and not call.fails]
    if (
        not words
        or not set(good) <= set(words)
        or any(not call.argv and not call.fails for call in invocations)
    ):
        return ()
    spoken = [
        w
        for w in words
        if re.search(rf"[`\"']{re.escape(w)}\b|\b{re.escape(w)}\b\s+(?:sub)?commands?\b", prose)
    ]
    if set(good) <= set(spoken):
        return tuple(spoken)
    said = [w for w in words if re.search(rf"\b{re.escape(w)}", prose, re.I)]
    counts = {len(call.argv) for call in invocations}
    several = len(set(good)) > 1 and (max(counts) > 1)
    return (
        tuple(dict.fromkeys(good))
        if several and (set(good) <= set(said) or len(good) > len(set(good)))
        else ()
    )


def observe(declared: Command, invocations: Sequence[Invocation], prose: str) -> Command:
    """The declared command with what its calls show beyond it. Calls come without the command's own word."""
    flags = {flag: argument for argument in declared.arguments for flag in argument.flags}
    fine = [call for call in invocations if not call.fails] or list(invocations)
    seen = [_sorted(call.argv, flags, prose) for call in fine]
    given = {path for call in fine for path in call.files}
    arguments = [
        _filelike(_typed(argument, values), values, given)
        for argument, values in _positional(declared, [one.free for one in seen])
    ]
    if any(argument.type == "number" for argument in arguments):  # what is added is of one kind
        whole = [a for a in arguments if a.type == "int" and kind_of_name(a.name) != "int"]
        arguments = [a.model_copy(update={"type": "number"}) if a in whole else a for a in arguments]
    for argument in declared.arguments:
        if argument.flags:
            arguments.append(_typed(argument, _values_of(argument.flags, seen)))
    for flag in dict.fromkeys(flag for one in seen for flag in one.options):
        if flag not in flags:
            values = _values_of((flag,), seen)
            arguments.append(_typed(_option(flag, values), values))
    return declared.model_copy(update={"arguments": tuple(arguments)})


def _sorted(argv: Sequence[str], flags: dict[str, Argument], prose: str) -> _Seen:
    seen, at = _Seen(), 0
    while at < len(argv):
        word, at = argv[at], at + 1
        if not re.match(r"--?[A-Za-z]", word):
            seen.free.append(word)
            continue
        flag, sign, value = word.partition("=")
        if sign:
            seen.options.setdefault(flag, []).append(value)
            continue
        known = flags.get(flag)
        takes = known.type != "flag" if known else at < len(argv) and _takes_value(flag, argv[at], prose)
        if takes and at < len(argv):
            seen.options.setdefault(flag, []).append(argv[at])
            at += 1
        else:
            seen.options.setdefault(flag, []).append(None)
    return seen


def _takes_value(flag: str, following: str, prose: str) -> bool:
    """Whether an undeclared flag takes the word after it."""
    if following.startswith("--"):
        return False
    named = rf"{re.escape(flag)}[ =](?:<|[A-Z]|\{{)"
    return (
        re.search(named, prose) is not None
        or _NUMBER.fullmatch(following) is not None
        or "." not in following
    )


def _positional(declared: Command, free: Sequence[Sequence[str]]) -> list[tuple[Argument, list[str]]]:
    """The positional arguments with the values that the calls give them."""
    counts = [len(words) for words in free]
    most, least = max(counts, default=0), min(counts, default=0)
    known = [argument for argument in declared.arguments if not argument.flags]
    if not known and (most - least > 1 or most > MAX_NAMED):
        known = [Argument(name="values", many=True, required=least > 0)]
    elif not known:
        names = ["value"] if most == 1 else [f"value{place}" for place in range(1, most + 1)]
        known = [Argument(name=name, required=place < least) for place, name in enumerate(names)]
    elif len(known) == 1 and most > 1:
        known = [known[0].model_copy(update={"many": True})]
    elif free and len(known) > least:  # a call leaves the last ones out
        known = [
            a.model_copy(update={"required": a.required and (place < least or a.many)})
            for place, a in enumerate(known)
        ]
    return [
        (
            argument,
            [v for words in free for v in (words[place:] if argument.many else words[place : place + 1])],
        )
        for place, argument in enumerate(known)
    ]


def _filelike(argument: Argument, values: Sequence[str], given: set[str]) -> Argument:
    """The argument as a file when its values name files that the request gives."""
    if values and given and set(values) <= given | {"-"}:
        name = "file" if argument.name.startswith("value") else argument.name
        return argument.model_copy(update={"type": "file", "name": name})
    return argument


def _option(flag: str, values: Sequence[str]) -> Argument:
    name = identifier(flag.lstrip("-").replace("-", "_")) or "option"
    if not values:
        return Argument(name=name, flags=(flag,), type="flag", required=False)
    kind = kind_of_name(name)
    return Argument(name=name, flags=(flag,), type="str" if kind == "file" else kind, required=False)


def _values_of(flags: Sequence[str], seen: Sequence[_Seen]) -> list[str]:
    return [
        value for one in seen for flag in flags for value in one.options.get(flag, []) if value is not None
    ]


def _typed(argument: Argument, values: Sequence[str]) -> Argument:
    """An argument whose every value reads as a number is one, unless the request says otherwise."""
    if not values or argument.type not in ("str", "int", "number") or argument.choices:
        return argument
    kind: ArgumentType = argument.type
    if all(_INT.fullmatch(value) and not re.match(r"[+-]?0\d", value) for value in values):
        kind = "number" if argument.type == "number" else "int"
    elif all(_NUMBER.fullmatch(value) for value in values):
        kind = "number"
    elif argument.type == "int":
        kind = "str"
    return argument.model_copy(update={"type": kind})
