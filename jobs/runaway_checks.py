"""What a run that ended well looks like, read from its record and from what the model was really asked.

How often an error went to the model is counted twice over: by its signature, as the loop itself counts, with
the failure looked up in the record; and by the very words in the prompts, without any notion of the loop's.
An error belongs to one slot: the same words about two functions are two errors.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from qlayer.generation.prompt import PHRASINGS
from qlayer.generation.repair import mistake_signature
from qlayer.generation.wording import MARK
from qlayer.llm.base import Message
from qlayer.types.check import Failure
from qlayer.types.ids import Digest
from qlayer.types.run import AttemptKind, Checked, RunRecord, Sampled, worked_seconds
from qlayer.types.usage import Budget
from qlayer.validation.feedback import first_failure

MOST_TOLD = 2
"""Times that the same error may go to the model (LOOP.md: never three times)."""

Prompts = Mapping[Digest, tuple[Message, ...]]
"""All that a model was asked, by the digest that a record names it by."""

_TELLING = (AttemptKind.REPAIR, AttemptKind.RESAMPLE, AttemptKind.ESCALATED)
_FENCED = re.compile(r"^```python\n.*?^```$", re.M | re.S)
_FRAME = ("This Python code ", "The code:", "Correct it.", "Functions like it ", "Write this one ")
"""How the paragraphs begin that are in every prompt after a failure."""


class Told(NamedTuple):
    """How often the error that was told most often went to the model, by either count."""

    by_signature: int
    by_words: int
    untraced: int
    """Prompts that tell an error which no attempt before them had: none, or this reading is wrong."""


class Allowed(NamedTuple):
    """What a run may use: its budget, and wall seconds in which what was begun may end."""

    budget: Budget
    grace_s: float


def violations(record: RunRecord, told: Told, allowed: Allowed) -> tuple[str, ...]:
    """What is wrong with how a run ended, as sentences; none when all is well. Pure."""
    return tuple(_violations(record, told, allowed))


def _violations(record: RunRecord, told: Told, allowed: Allowed) -> Iterator[str]:
    budget, grace_s = allowed
    if record.finished is None:
        yield "it did not end"
    elif not record.finished.reason.strip():
        yield "it ended without a reason"
    tokens, seconds = record.usage.completion_tokens, worked_seconds(record.events)
    if tokens > budget.tokens:
        yield f"it generated {tokens} tokens of {budget.tokens}"
    if seconds > budget.seconds + grace_s:
        yield f"it took {seconds:.1f} s of {budget.seconds:g} and {grace_s:g} s of grace"
    for count, how in ((told.by_signature, "by its signature"), (told.by_words, "by its words")):
        if count > MOST_TOLD:
            yield f"the model was told the same error {count} times ({how})"
    if told.untraced:
        yield f"{told.untraced} prompts tell an error that no attempt had"


def count_told(record: RunRecord, prompts: Prompts) -> Told:
    """Read the prompts of a run. Raises `KeyError` for one that was not overheard. Pure."""
    bodies = [event.body for event in record.events]
    neutral = _paragraphs(
        prompts[b.prompt] for b in bodies if isinstance(b, Sampled) and b.attempt_kind not in _TELLING
    )
    words: Counter[tuple[str, str]] = Counter()
    signatures: Counter[tuple[str, str, str, str | None]] = Counter()
    untraced = 0
    before: list[Checked] = []
    for body in bodies:
        if isinstance(body, Checked):
            before.append(body)
        if not isinstance(body, Sampled) or body.attempt_kind not in _TELLING:
            continue
        text = prompts[body.prompt][-1].content
        error = error_words(text, neutral)
        if not error:
            continue
        words[body.slot, error] += 1
        told = _failure_in(text, error, [one for one in before if one.slot == body.slot])
        if told is None:
            untraced += 1
        else:
            signatures[body.slot, mistake_signature(told), told.check, told.case] += 1
    return Told(_most(signatures), _most(words), untraced)


def error_words(prompt: str, neutral: frozenset[str]) -> str:
    """What a prompt says about a failure: all of it that is neither code, nor frame, nor in `neutral`."""
    parts = _FENCED.sub("", prompt).split("\n\n")
    return "\n\n".join(part for part in parts if part.strip() and part not in neutral and not _is_frame(part))


def _is_frame(paragraph: str) -> bool:
    return paragraph in PHRASINGS or paragraph.lstrip("\n").startswith(_FRAME)


def _paragraphs(conversations: Iterable[Sequence[Message]]) -> frozenset[str]:
    """Those of prompts that tell no error: the task, and whatever a request put into it."""
    texts = (messages[-1].content for messages in conversations)
    return frozenset(part for text in texts for part in _FENCED.sub("", text).split("\n\n"))


def _failure_in(prompt: str, error: str, before: Sequence[Checked]) -> Failure | None:
    """The failure that was told: of an attempt whose program is shown, else of one with these very words."""
    shown = prompt.replace(MARK, "")
    found = [
        (one, f) for one in before if (f := first_failure(one.candidate.diagnoses, one.checks)) is not None
    ]
    for attempt, failure in reversed(found):
        if attempt.candidate.code.strip() in shown and _speaks_of(error, failure):
            return failure
    return next((failure for _, failure in reversed(found) if _speaks_of(error, failure)), None)


def _speaks_of(error: str, failure: Failure) -> bool:
    """Whether the words hold the beginning of the error's message, or of the wrong answer."""
    said = failure.message if failure.is_crash else failure.returned
    return said is None or _beginning(said) in error


def _beginning(said: str) -> str:
    """So much of it as every prompt shows."""
    return said[:200]


def _most(counts: Counter[tuple[str, str]] | Counter[tuple[str, str, str, str | None]]) -> int:
    return max(counts.values(), default=0)
