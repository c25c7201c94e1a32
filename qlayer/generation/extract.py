"""From a model's answer to the code in it.

Small models are asked for one fenced block and nearly always give one; this module also bears prose around
it, an unclosed fence, no fence at all, a repeated prompt and degenerate repetition. It never judges the code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qlayer.generation.base import Slot
from qlayer.generation.edits import Function, docstring_node, find_function, parse

_FENCE = re.compile(r"^[ \t]*(?:```+|~~~+)[ \t]*(?P<info>[\w+.-]*)[^\n`]*$", re.M)
_END_OF_TURN = re.compile(r"<\|(?:im_end|endoftext|im_start|fim_\w+|file_sep|eot_id|end_of_text)\|>")
_STARTS_CODE = re.compile(r"^(?:from\s+[\w.]+\s+import\b|import\s+\w|(?:async\s+)?def\s+\w|class\s+\w|@\w)")
_TOKEN = re.compile(r"\S+")
GRAM = 20
"""Length, in words, of the runs whose repetition is called degenerate."""


@dataclass(frozen=True)
class _Block:
    code: str
    closed: bool


def extract_code(text: str, slot: Slot) -> str:
    """The code that the answer gives for the slot; empty when there is none. Newlines are Unix ones."""
    answer = _END_OF_TURN.split(text.replace("\r\n", "\n"), maxsplit=1)[0]
    blocks = _blocks(answer)
    if not blocks:
        return _unfenced(answer)
    best = max(blocks, key=lambda block: _rank(block, slot))
    return _without_repetition(best.code).strip("\n") + "\n"


def _blocks(answer: str) -> list[_Block]:
    """All fenced blocks in order; the last may lack its closing fence."""
    blocks: list[_Block] = []
    opened: int | None = None
    for fence in _FENCE.finditer(answer):
        if opened is None:
            opened = fence.end() + 1
        elif fence["info"]:  # a second opening fence: the first one was never closed
            blocks.append(_Block(answer[opened : fence.start()], closed=False))
            opened = fence.end() + 1
        else:
            blocks.append(_Block(answer[opened : fence.start()], closed=True))
            opened = None
    if opened is not None and answer[opened:].strip():
        blocks.append(_Block(answer[opened:], closed=False))
    return [block for block in blocks if block.code.strip()]


def _rank(block: _Block, slot: Slot) -> tuple[bool, bool, bool, bool]:
    """The block that really writes the function, then one that defines it, then any code; first of equals."""
    name = slot.name.rpartition(".")[2]
    module = parse(block.code)
    function = find_function(module, name) if module else None
    defines = function is not None or re.search(rf"\bdef\s+{re.escape(name)}\s*\(", block.code) is not None
    return (
        function is not None and _has_body(function),
        defines,
        re.search(r"\bdef\s+\w+\s*\(", block.code) is not None,
        block.closed,
    )


def _has_body(function: Function) -> bool:
    return len(function.body) > (1 if docstring_node(function) else 0)


def _unfenced(answer: str) -> str:
    """The lines from the first that starts code to the last that belongs to it."""
    lines = answer.split("\n")
    first = next((i for i, line in enumerate(lines) if _STARTS_CODE.match(line)), None)
    if first is None:
        return answer.strip("\n") + "\n" if answer[:1].isspace() and answer.strip() else ""
    kept = [lines[first]]
    for line in lines[first + 1 :]:
        if line and not line[0].isspace() and not _continues(line, kept):
            break
        kept.append(line)
    return _without_repetition("\n".join(kept)).strip("\n") + "\n"


def _continues(line: str, kept: list[str]) -> bool:
    """Whether a line at the margin is still code: a statement, or the rest of a bracket or string."""
    if _STARTS_CODE.match(line) or line[0] in ")]}#" or re.match(r"[A-Za-z_]\w*\s*(?::[^=\n]+)?=[^=]", line):
        return True
    return parse("\n".join(kept)) is None and parse("\n".join([*kept, line])) is not None


def _without_repetition(code: str) -> str:
    """Code that does not parse is cut before a run of `GRAM` words that comes three times comes again."""
    if parse(code) is not None:
        return code
    words = list(_TOKEN.finditer(code))
    seen: dict[tuple[str, ...], list[int]] = {}
    for at in range(len(words) - GRAM + 1):
        places = seen.setdefault(tuple(word[0] for word in words[at : at + GRAM]), [])
        if not places or at - places[-1] >= GRAM:
            places.append(at)
        if len(places) == 3:
            return code[: words[places[1]].start()].rstrip() + "\n"
    return code
