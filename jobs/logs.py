"""The model behind a log of answers: what `jobs.draw` drew, and what was asked since.

The folder holds ``samples.jsonl``, which is only read, and ``answers.jsonl``, which grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

from jobs.draw import SampleRow
from jobs.ledger import LedgerRow, open_ledger
from qlayer.llm.base import LLM, FinishReason, ServedModel
from qlayer.llm.logged import LoggedAnswer, LoggedLLM
from qlayer.types.usage import TokenUsage

Row = TypeVar("Row", bound=LedgerRow)


class AnswerRow(LedgerRow):
    """An answer that was not drawn beforehand. The key is the answer's."""

    answer: LoggedAnswer


def drawn(folder: Path) -> tuple[LoggedAnswer, ...]:
    """The samples of a folder, also while it is being written."""
    return tuple(_as_answer(row) for row in _whole_rows(folder / "samples.jsonl", SampleRow))


def _whole_rows(path: Path, row_type: type[Row]) -> Iterator[Row]:
    """A line that is still being written is left out."""
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return (row_type.model_validate_json(line) for line in lines if line.endswith(b"}"))


def _as_answer(row: SampleRow) -> LoggedAnswer:
    return LoggedAnswer(
        key=row.key,
        text=row.text,
        finish_reason=cast("FinishReason", row.finish_reason),
        usage=TokenUsage(completion_tokens=row.tokens),
        seconds=row.seconds,
    )


@contextmanager
def logged(folder: Path, behind: LLM | None, *, served: tuple[ServedModel, ...] = ()) -> Iterator[LoggedLLM]:
    """With no model behind, nothing is added and `served` counts as served: then others may add meanwhile.

    Else it raises `ConflictError` while another process adds answers to this folder.
    """
    if behind is None:
        added = _whole_rows(folder / "answers.jsonl", AnswerRow)
        yield LoggedLLM((*drawn(folder), *(row.answer for row in added)), None, served=served)
        return
    with open_ledger(folder / "answers.jsonl", AnswerRow) as ledger:
        yield LoggedLLM(
            (*drawn(folder), *(row.answer for row in ledger.rows)),
            behind,
            keep=lambda answer: ledger.add(AnswerRow(key=answer.key, answer=answer)),
        )
