"""Commands and options as a request declares them: usage lines, and lists below "Commands" and "Options".

``add A B: prints the sum``, ``calc add <a> <b> [--round N]``, ``--times N (int, default 1): how often``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qlayer.generation.intake_entities import TYPE_NAMES
from qlayer.generation.naming import identifier
from qlayer.types.tool import Argument, ArgumentType, Command

_TOKEN = re.compile(r"\[[^\]]*\](?:\.\.\.|…)?|<[^>]+>(?:\.\.\.|…)?|\{[^}]+\}|\S+")
_FLAG = re.compile(r"-{1,2}[A-Za-z][\w-]*")
_VALUE = re.compile(r"<[^>]+>|[A-Z][A-Z0-9_]*|\{[^}]+\}")
_SUMMARY = re.compile(r"\s*(?::\s|\s[-–—]\s|\s{2,}|\s->\s|\s→\s)\s*")
_DEFAULT = re.compile(r"\bdefault(?:s)?(?:\s+to|\s+is|\s+value)?\s*[:=]?\s*[`\"']?([^\s,;)`\"']+)", re.I)
_CHOICES = re.compile(r"\b(?:one of|either)\b:?\s*([\w\s,|`\"'/-]+?)(?:[.;)]|$)", re.I)
_FILES = frozenset(
    {"file", "path", "input", "filename", "infile", "input_file", "csv", "json", "log", "source"}
)
_NUMBERS = frozenset({"n", "num", "count", "int", "index", "id", "size", "times", "limit", "width", "number"})


def read_usage(text: str, program: str | None) -> Command | None:
    """A command from a line such as ``add A B: prints the sum``; None when the line is no usage line."""
    usage, summary = _split(text, program)
    if usage is None:
        return None
    tokens = _TOKEN.findall(usage)
    if tokens and tokens[0].removesuffix(".py") == program:
        tokens = tokens[1:]
    named = tokens[0] if tokens and re.fullmatch(r"[a-z][\w-]*", tokens[0]) else ""
    rest = tokens[1:] if named else tokens
    if any(re.fullmatch(r"[a-z][a-z']+[,.]?", token) for token in rest[1:] if len(rest) > 3):
        return None  # a sentence
    arguments = tuple(_arguments(rest, summary))
    if len({argument.name for argument in arguments}) < len(arguments):
        return None
    return Command(name=named, summary=summary, arguments=arguments)


def read_option(text: str) -> Argument | None:
    """An option from ``-n, --times N (int, default 1): how often``; None for anything else."""
    plain = text.replace("`", "").replace("**", "").strip()
    match = re.match(
        r"((?:-{1,2}[A-Za-z][\w-]*(?:[ =](?:<[^>]+>|[A-Z][A-Z0-9_]*|\{[^}]+\}))?(?:\s*[,/|]\s*|\s+or\s+)?)+)",
        plain,
    )
    if not match:
        return None
    flags = tuple(dict.fromkeys(_FLAG.findall(match[1])))
    value = next(iter(re.findall(r"[ =](<[^>]+>|[A-Z][A-Z0-9_]*|\{[^}]+\})", match[1])), None)
    return _option(flags, value, plain[match.end() :].strip(" :-–—"))


def described(argument: Argument, said: str) -> Argument:
    """The argument with the type, default and choices that words about it name."""
    words = [word.strip("(),.:;`") for word in said.lower().split()]
    kinds = [TYPE_NAMES[word] for word in words if word in TYPE_NAMES]
    updates: dict[str, object] = {}
    if argument.type in ("str", "number") and kinds and kinds[0] in ("int", "float"):
        decimal = "number" in words and "float" not in words
        updates["type"] = "number" if decimal and kinds[0] == "float" else kinds[0]
    choices = _CHOICES.search(said)
    if choices and argument.type == "str":
        found = [
            word.strip(" `\"'")
            for word in re.split(r"\s*[,|/]\s*(?:or |and )?|\s+or\s+|\s+and\s+", choices[1])
        ]
        if len(found) > 1 and all(re.fullmatch(r"[\w-]+", word) for word in found):
            updates["choices"] = tuple(found)
    if default := _DEFAULT.search(said):
        literal = _literal(default[1].rstrip("."), str(updates.get("type", argument.type)))
        if literal is not None:
            updates |= {"default": literal, "required": False}
    if re.search(r"\boptional\b", said, re.I):
        updates["required"] = False
    return argument.model_copy(update=updates)


def kind_of_name(name: str) -> ArgumentType:
    """What a placeholder's name says about its type."""
    parts = name.lower().split("_")
    if parts[-1] in _FILES and "output" not in parts:
        return "file"
    return "int" if parts[-1] in _NUMBERS else "str"


def _split(text: str, program: str | None) -> tuple[str | None, str]:
    """The usage part and the summary; None when the line cannot be one."""
    plain = text.strip().replace("**", "")
    if plain.startswith("`") and "`" in plain[1:]:
        usage, _, rest = plain[1:].partition("`")
        return usage.strip(), _clean(rest)
    cut = _SUMMARY.search(plain)
    usage, rest = (plain[: cut.start()], plain[cut.end() :]) if cut else (plain, "")
    starts = program is not None and usage.split(" ")[0] == program
    if not starts and (not cut or not re.match(r"[a-z][\w-]*(?:\s|$)", usage)):
        return None, ""
    return usage.strip(), _clean(rest)


def _clean(text: str) -> str:
    return " ".join(text.replace("`", "").strip(" :-–—>").split())


def _arguments(tokens: list[str], summary: str) -> Iterator[Argument]:
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        optional = token.startswith("[")
        many = token.endswith(("...", "…")) or "..." in token
        bare = token.rstrip(".…").strip("[]").rstrip(".…").strip()
        if bare.lower() in ("options", "flags", "command", ""):
            continue
        flag = _FLAG.match(bare)
        if flag:
            value = re.split(r"[ =]", bare, maxsplit=1)[1] if re.search(r"[ =]", bare) else None
            if value is None and not optional and at < len(tokens) and _VALUE.fullmatch(tokens[at]):
                value, at = tokens[at], at + 1
            names = tuple(_FLAG.findall(re.split(r"[ =]", bare)[0].replace("|", " ").replace("/", " ")))
            option = _option(names or (flag[0],), value, summary if value else "")
            yield option.model_copy(update={"help": ""})
            continue
        choices = tuple(bare.strip("{}").split(",")) if bare.startswith("{") else ()
        name = identifier(bare.strip("<>{}").replace("-", "_")) or "value"
        name = "choice" if choices else name
        yield Argument(name=name, type=kind_of_name(name), required=not optional, many=many, choices=choices)


def _option(flags: tuple[str, ...], value: str | None, said: str) -> Argument:
    long = next((flag for flag in flags if flag.startswith("--")), flags[0])
    name = identifier(long.lstrip("-").replace("-", "_")) or "option"
    if value is None:
        kinds = [
            word.strip("(),.:;`").lower()
            for word in re.findall(r"\(([^)]*)\)", said)
            for word in word.split()
        ]
        if not any(word in TYPE_NAMES for word in kinds) and not _DEFAULT.search(said):
            return Argument(name=name, flags=flags, type="flag", required=False, help=said)
    bare = (value or "").strip("<>{}")
    choices = tuple(part.strip() for part in bare.split(",")) if "," in bare else ()
    kind = kind_of_name(bare) if bare and not choices else "str"
    kind = "str" if kind == "file" and name in ("output", "out", "o") else kind
    option = Argument(name=name, flags=flags, type=kind, required=False, choices=choices, help=said)
    return described(option, said)


def _literal(text: str, kind: str) -> str | None:
    if kind in ("int", "float", "number"):
        return text if re.fullmatch(r"-?\d+(?:\.\d+)?", text) else None
    return repr(text)
