"""What a small model is asked: one function, shown as its head and docstring, and one fenced block back.

Prompts are deterministic and short (about 350 tokens plus the slot's context). The head of the conversation
is the same for all prompts of a run, so that a server can reuse its cached prefix.
"""

from __future__ import annotations

from qlayer.generation.base import Slot
from qlayer.generation.wording import call_text
from qlayer.llm.base import Message
from qlayer.types.spec import Example, Spec

MAX_BRIEF_CHARS = 4_000
"""About 1,000 tokens: what a context of 2,048 bears beside the answer."""
MAX_CONTEXT_CHARS = 6_000
MAX_EXAMPLES = 3
MAX_EXAMPLE_CHARS = 300

SYSTEM = "You are an expert Python programmer. You answer with one fenced python code block and nothing else."

PHRASINGS: tuple[str, ...] = (
    "Complete this Python function. Give back the whole function with its imports.",
    "Write the Python function below. Mind the edge cases: empty input, negative numbers, duplicates. "
    "Give back the whole function with its imports.",
    "Implement the following in the simplest correct way. Give back the whole function with its imports.",
)
"""Ways to ask for the same thing; the first is the one for greedy sampling."""


def greedy_prompt(slot: Slot, spec: Spec, *, phrasing: int = 0) -> tuple[Message, ...]:
    """The prompt for a slot. `phrasing` counts round through `PHRASINGS`."""
    return ask(f"{PHRASINGS[phrasing % len(PHRASINGS)]}\n\n{task(slot, spec)}")


def ask(user: str) -> tuple[Message, ...]:
    """A conversation with one question."""
    return (Message(role="system", content=SYSTEM), Message(role="user", content=user))


def task(slot: Slot, spec: Spec) -> str:
    """The fenced code that shows what is asked: context, head, docstring with at most three examples.

    Functions like it that people corrected come before it.
    """
    brief = _trimmed(slot.brief.strip() or spec.title, MAX_BRIEF_CHARS)
    docstring = brief + "".join(f"\n{line}" for line in _examples(slot, brief))
    context = _trimmed(slot.context.strip(), MAX_CONTEXT_CHARS)
    head = f"{slot.signature}:\n{_docstring(docstring)}\n"
    asked = fenced(f"{context}\n\n\n{head}" if context else head)
    return "\n\n".join([*_precedents(slot), asked])


def _precedents(slot: Slot) -> list[str]:
    """The slot's hints, each with what it was for."""
    if not slot.hints:
        return []
    shown = [f"{_trimmed(hint.brief, MAX_EXAMPLE_CHARS)}\n\n{fenced(hint.code)}" for hint in slot.hints]
    return ["Functions like it are written this way here:", *shown, "Write this one in the same way:"]


def fenced(code: str) -> str:
    """A python code block."""
    return f"```python\n{code.strip()}\n```"


def call_line(example: Example) -> str:
    """``add(1, 2) == 3``, or with the exception that it raises."""
    relation = "raises" if example.raises else "=="
    return f"{call_text(example.function, example.args, example.kwargs)} {relation} {example.expected}"


def _examples(slot: Slot, brief: str) -> list[str]:
    """The first examples that the brief does not hold already, shortest forms only."""
    held = _squeezed(brief)
    lines = [call_line(example) for example in slot.examples]
    fresh = [line for line in lines if _squeezed(line.rpartition("==")[0] or line) not in held]
    return [f">>> {line}" for line in fresh if len(line) <= MAX_EXAMPLE_CHARS][:MAX_EXAMPLES]


def _squeezed(text: str) -> str:
    """Without blanks, and with one kind of quote."""
    return "".join(text.split()).replace("'", '"')


def _docstring(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"""', "'''")
    if "\n" not in escaped and not escaped.endswith('"'):
        return f'    """{escaped}"""'
    lines = [f"    {line}".rstrip() for line in f'"""{escaped}'.split("\n")]
    return "\n".join([*lines, '    """'])


def _trimmed(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit].rsplit(None, 1)[0] + " ..."
