"""Corrections as training data, one JSON object a line, in the conversational forms that TRL reads.

``sft.jsonl``: ``messages`` that end with the right program. ``dpo.jsonl``: ``prompt``, the right program as
``chosen`` and the wrong one as ``rejected``. Each line says where it comes from in ``provenance``, which
trainers ignore. What holds a secret is left out whole: a program with a hole in it teaches holes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from qlayer.memory.rules import in_force
from qlayer.types.frozen import Frozen
from qlayer.types.ids import canonical_json, digest_of
from qlayer.types.memory import Correction, MemoryId

SecretsIn = Callable[[str], Sequence[str]]
"""The kinds of secrets that a text holds."""


class LeftOut(Frozen):
    """A correction that is not exported."""

    memory: MemoryId
    reason: str


class ExportReport(Frozen):
    """What was written."""

    sft: int
    """Lines."""
    dpo: int
    left_out: tuple[LeftOut, ...]


class TrainingData(NamedTuple):
    sft: bytes
    dpo: bytes
    report: ExportReport


def training_data(corrections: Sequence[Correction], secrets_in: SecretsIn) -> TrainingData:
    """The content of the two files. The same corrections give the same bytes."""
    kept, left_out = _sifted(corrections, secrets_in)
    sft = _unique((_sft(correction) for correction in kept), "messages")
    dpo = _unique(
        (_dpo(correction) for correction in kept if correction.wrong.strip()), "prompt", "chosen", "rejected"
    )
    report = ExportReport(sft=len(sft), dpo=len(dpo), left_out=tuple(left_out))
    return TrainingData(_lines(sft), _lines(dpo), report)


def _sifted(
    corrections: Sequence[Correction], secrets_in: SecretsIn
) -> tuple[list[Correction], list[LeftOut]]:
    followed = {correction.id for correction in in_force(corrections)}
    kept, left_out = [], []
    for correction in corrections:
        found = secrets_in("\n".join((correction.prompt, correction.wrong, correction.right)))
        if correction.id not in followed:
            why = "a check failed after it" if correction.lost else "it was corrected again later"
            left_out.append(LeftOut(memory=correction.id, reason=why))
        elif found:
            left_out.append(LeftOut(memory=correction.id, reason=f"it holds a secret: {', '.join(found)}"))
        else:
            kept.append(correction)
    return kept, left_out


def _sft(correction: Correction) -> dict[str, Any]:
    messages = [*_question(correction), _answer(correction.right)]
    return {"messages": messages, "provenance": _provenance(correction)}


def _dpo(correction: Correction) -> dict[str, Any]:
    return {
        "prompt": _question(correction),
        "chosen": [_answer(correction.right)],
        "rejected": [_answer(correction.wrong)],
        "provenance": _provenance(correction),
    }


def _question(correction: Correction) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": correction.system},
        {"role": "user", "content": correction.prompt},
    ]


def _answer(code: str) -> dict[str, str]:
    return {"role": "assistant", "content": f"```python\n{code.strip()}\n```"}


def _provenance(correction: Correction) -> dict[str, Any]:
    fields = {"capsule", "corrected", "run_id", "spec", "template", "slot", "who", "at"}
    return {"memory": correction.id, **correction.model_dump(mode="json", include=fields)}


def _unique(rows: Iterable[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
    """The first of rows that would train the same."""
    by_content: dict[str, dict[str, Any]] = {}
    for row in rows:
        by_content.setdefault(digest_of([row[key] for key in keys]), row)
    return list(by_content.values())


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(canonical_json(row) + b"\n" for row in rows)
