"""Hostile requests end; and the checker sees it when one does not, or when the model is nagged."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.hostile_briefs import HOSTILE_BRIEFS
from jobs.ledger import open_ledger
from jobs.nasty import BEHAVIOURS
from jobs.runaway_checks import Allowed, Told, count_told, violations
from jobs.runaways import Item, PromptRow, RunawayRow, items, runaways
from qlayer.app.build import open_storage
from qlayer.app.settings import Settings
from qlayer.pipeline import mend
from qlayer.types.ids import RunId, digest_of
from qlayer.types.run import Finished, RunRecord
from qlayer.types.usage import Budget, TokenUsage

ALLOWED = Allowed(Budget(tokens=1_000, seconds=30.0), grace_s=60.0)
BRIEFS = {brief.name: brief for brief in HOSTILE_BRIEFS}
FINE = Told(by_signature=2, by_words=2, untraced=0)


def chosen(briefs: list[str], behaviours: list[str]) -> tuple[Item, ...]:
    return items([BRIEFS[name] for name in briefs], behaviours, digest_of("test"))


async def end(out: Path, todo: tuple[Item, ...]) -> tuple[bool, dict[str, RunawayRow]]:
    settings = Settings(data_dir=out, memory="off")
    kept = await runaways(
        settings, todo=todo, allowed=ALLOWED, call_cpu_s=0.5, out=out, concurrency=2, as_json=True
    )
    with open_ledger(out / "runs.jsonl", RunawayRow) as ledger:
        return kept, {f"{row.brief}, {row.behaviour}": row for row in ledger.rows}


async def recorded(out: Path, row: RunawayRow) -> RunRecord:
    store = Settings(
        data_dir=out, records_url=f"sqlite+aiosqlite:///{out / 'runs.db'}", blobs_url=str(out / "blobs")
    )
    async with open_storage(store) as storage:
        return await storage.records.run(RunId(row.run_id or ""))


def test_there_are_two_hundred_runs_and_no_two_are_the_same() -> None:
    everything = items(HOSTILE_BRIEFS, BEHAVIOURS, digest_of("test"))
    assert len(everything) == len({item.key for item in everything}) == 200


async def test_hostile_requests_end_with_a_reason_and_are_not_repeated(tmp_path: Path) -> None:
    todo = chosen(["deep nesting", "nothing but blanks", "prompt injection"], ["same error", "endless text"])
    kept, rows = await end(tmp_path, todo)
    assert kept and len(rows) == 6
    assert all(row.reason and row.tokens <= 1_000 and not row.violations for row in rows.values())
    assert rows["nothing but blanks, same error"].status == "refused"
    assert rows["prompt injection, endless text"].tokens == 1_000
    nagged = rows["prompt injection, same error"].told
    assert (nagged.by_signature, nagged.by_words) == (2, 2), "an error was told, by both counts"
    assert await end(tmp_path, todo) == (kept, rows)


async def test_a_loop_that_tells_an_error_three_times_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mend.Told, "tell", lambda *_, **__: True)
    kept, rows = await end(tmp_path, chosen(["recursion bomb"], ["same error"]))
    assert not kept
    (row,) = rows.values()
    assert min(row.told.by_signature, row.told.by_words) > 2
    assert sum("same error" in sentence for sentence in row.violations) == 2


async def test_a_doctored_record_is_caught(tmp_path: Path) -> None:
    (row,) = (await end(tmp_path, chosen(["recursion bomb"], ["same error"])))[1].values()
    record = await recorded(tmp_path, row)
    assert violations(record, FINE, ALLOWED) == ()

    def doctored(**changes: object) -> RunRecord:
        *others, last = record.events
        return record.model_copy(update={"events": (*others, last.model_copy(update=changes))})

    silent = Finished(status=record.status, reason=" ", seconds=1.0, usage=TokenUsage())
    tight = Allowed(Budget(tokens=row.tokens - 1, seconds=0.001), grace_s=0.0)
    found = {
        "did not end": violations(record.model_copy(update={"events": record.events[:-1]}), FINE, ALLOWED),
        "without a reason": violations(doctored(body=silent), FINE, ALLOWED),
        f"{row.tokens} tokens": violations(record, FINE, tight),
        "of grace": violations(record, FINE, tight),
        "(by its words)": violations(record, Told(2, 3, 0), ALLOWED),
        "(by its signature)": violations(record, Told(3, 2, 0), ALLOWED),
        "no attempt had": violations(record, Told(1, 1, 1), ALLOWED),
    }
    for sentence, sentences in found.items():
        assert any(sentence in one for one in sentences), sentence


async def test_an_error_is_counted_from_the_prompts_of_its_run_alone(tmp_path: Path) -> None:
    (row,) = (await end(tmp_path, chosen(["recursion bomb"], ["same error"])))[1].values()
    record = await recorded(tmp_path, row)
    with open_ledger(tmp_path / "prompts.jsonl", PromptRow) as ledger:
        prompts = {one.key: one.messages for one in ledger.rows}
    assert count_told(record, prompts) == row.told
    with pytest.raises(KeyError):
        count_told(record, {})


async def test_a_run_that_breaks_in_a_way_nobody_foresaw_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(mend, "representatives", broken)
    kept, rows = await end(tmp_path, chosen(["recursion bomb"], ["same error"]))
    assert not kept
    (row,) = rows.values()
    assert row.violations[:2] == ("it broke with ZeroDivisionError: unforeseen", "it did not end")
