"""Examples that name the parameters: ``Input: xs = [1, 2], k = 1`` / ``Output: [2]`` and
``For s = "ab" the output should be 2``. They need a known signature."""

from __future__ import annotations

import ast
import re

from qlayer.generation.intake.calls import example_of
from qlayer.generation.intake.literals import NotPlain, fold, parse_value, value_text
from qlayer.generation.intake.page import Findings, line_of, refuse
from qlayer.generation.intake.results import read_result
from qlayer.generation.intake.target import Target

_INPUT = re.compile(
    r"^[ \t>*-]*(?:\*\*)?Inputs?(?:\*\*)?[ \t]*:(?:\*\*)?[ \t]*(?P<input>.*?)"
    r"(?:\n\s*|[ \t]*[,;][ \t]*|[ \t]+)"
    r"(?:\*\*)?(?:Expected[ \t]+)?(?:Outputs?|Results?|Returns?)(?:\*\*)?[ \t]*:(?:\*\*)?\s*(?=\S)",
    re.M | re.S | re.I,
)
_FOR = re.compile(
    r"\b(?:for|given|when|if)[ \t]+`?(?P<input>[A-Za-z_]\w*[ \t]*=[^\n]*?)`?,?[ \t]+"
    r"(?:the[ \t]+)?(?:output|result|answer|function)[ \t]+(?:should|must|will|is)[ \t]*(?:be|return|give)?"
    r"[ \t]*:?[ \t]*`?",
    re.I,
)
_SUM = re.compile(r",[ \t]+(?:the|and|which)\b.*$", re.S)
MAX_INPUT_CHARS = 4_000


def read_described(page: str, target: Target) -> Findings:
    """All examples of these forms."""
    found = Findings()
    for pattern in (_INPUT, _FOR):
        for match in pattern.finditer(page):
            if len(match["input"]) > MAX_INPUT_CHARS or "\n\n" in match["input"]:
                continue
            found += _read(page, match, target)
    return found


def _read(page: str, match: re.Match[str], target: Target) -> Findings:
    try:
        given = _given(_SUM.sub("", match["input"]).strip(" \t\n`,"), target)
        result = read_result(page, match.end(), exact=False)
    except NotPlain as error:
        return refuse(page, match.start(), match.end(), str(error))
    line = line_of(page, match.start())
    example = example_of(target.name, (given, {}), value_text(result.value), line=line)
    return Findings(examples=(example,), spans=((match.start(), result.end),))


def _given(text: str, target: Target) -> tuple[object, ...]:
    """The arguments in the order of the parameters. Raises `NotPlain`."""
    named = _named(text)
    if named is None:
        value = parse_value(text)
        if len(target.positional) != 1:
            raise NotPlain(f"one unnamed input, {target.name} takes {len(target.positional)}")
        return (value,)
    if len(named) != len(target.positional):
        raise NotPlain(f"it names {len(named)} inputs, {target.name} takes {len(target.positional)}")
    if set(named) == set(target.positional):
        return tuple(named[name] for name in target.positional)
    if all(
        name == own or name not in target.positional
        for name, own in zip(named, target.positional, strict=True)
    ):
        return tuple(named.values())
    raise NotPlain(f"its inputs are not named like the parameters of {target.name}")


def _named(text: str) -> dict[str, object] | None:
    """``a = 1, b = [2]`` or one ``name : value`` a line; None when the text is no such list."""
    lined = re.sub(r"^[ \t]*([A-Za-z_]\w*)[ \t]*:[ \t]*", r"\1 = ", text, flags=re.M)
    joined = re.sub(r"\n\s*(?=[A-Za-z_]\w*[ \t]*=)", ", ", lined)
    try:
        node = ast.parse(f"f({joined})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Call) or node.args or not node.keywords:
        return None
    return {str(item.arg): fold(item.value) for item in node.keywords}
