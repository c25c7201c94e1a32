"""The suite of whole projects: through the product, judged by the hidden acceptance, each brief once."""

from __future__ import annotations

from pathlib import Path

from evaluating import MODEL, RIGHT, platform_for

from jobs.brief_report import BriefReport, BriefResult, brief_table, summarise
from jobs.brief_suite import run_briefs
from jobs.briefs import Brief, load_briefs
from jobs.ledger import open_ledger
from jobs.plan import SLOT_SECONDS, Plan, generous
from qlayer.app.settings import Settings
from qlayer.llm.base import ChatRequest
from qlayer.pipeline.policy import LoopPolicy
from qlayer.types.ids import sha256
from qlayer.types.run import RunStatus

TEXT = "# Count\n\ndef {name}(x: int) -> int\n\n- {name}(1) == 2\n- {name}(5) == 6\n"


def briefs(folder: Path) -> tuple[Brief, ...]:
    """Two small ones, without a loop that a mutant could make endless in this very process."""
    for name in ("inc", "up"):
        brief = folder / f"function-{name}"
        brief.mkdir(parents=True, exist_ok=True)
        (brief / "brief.md").write_text(TEXT.format(name=name))
        (brief / "reference.py").write_text(f"def {name}(x):\n    return x + 1\n")
        (brief / "acceptance.md").write_text(f"- {name}(7) == 8\n- {name}(-1) == 0\n")
    return load_briefs(folder)


def one_by_heart(request: ChatRequest) -> str:
    """Knows one brief, and nothing of the other."""
    return RIGHT if "def inc(" in request.messages[-1].content else "I do not know."


async def evaluated(folder: Path, answers: bool, **setup: object) -> tuple[BriefReport, int]:
    async with platform_for(folder, one_by_heart if answers else None, **setup) as (platform, made, llm):
        with open_ledger(folder / "briefs.jsonl", BriefResult) as ledger:
            report = await run_briefs(platform, made, briefs(folder / "briefs"), ledger, quiet=True)
        return report, len(llm.requests)


async def test_what_passes_its_hidden_acceptance_is_counted_and_nothing_is_done_twice(tmp_path: Path) -> None:
    report, asked = await evaluated(tmp_path, answers=True)
    (function, everything) = report.families
    assert (function.family, everything.family, everything.runs) == ("function", "all", 2)
    assert (everything.accepted, everything.proved, report.resumed) == (1, 1, 0)
    assert everything.tokens_mean > 0 and asked > 0
    again, asked_again = await evaluated(tmp_path, answers=False)
    assert (again.families, again.resumed, asked_again) == (report.families, 2, 0)


async def test_another_seed_and_another_policy_are_other_runs(tmp_path: Path) -> None:
    async with platform_for(tmp_path, None, seeds=(0, 7)) as (platform, setup, _):
        first, second = await Plan.for_seeds(platform, setup, "briefs")
    item = sha256(b"item")
    assert first.key(item) != second.key(item)
    assert second.request("text").seed == 7
    other = first.model_copy(update={"policy": first.policy.model_copy(update={"confirm": 1})})
    assert first.key(item) != other.key(item) != second.key(item)


def test_a_slot_has_time_unless_the_settings_bound_it() -> None:
    assert generous(Settings()).loop.seconds == SLOT_SECONDS
    bounded = Settings(loop=LoopPolicy(seconds=9))
    assert generous(bounded).loop.seconds == 9
    assert generous(Settings(loop=LoopPolicy(confirm=1))).loop.model_fields_set == {"confirm", "seconds"}


def row(brief: str, family: str, *, level: str | None, accepted: bool, allowed: bool = False) -> BriefResult:
    return BriefResult(
        key=sha256(brief.encode()),
        brief=brief,
        family=family,
        seed=0,
        run_id="run",
        status=RunStatus.SUCCEEDED,
        level=level,
        allowed=allowed,
        accepted=accepted,
        slots=1,
        solved=1,
        samples=2,
        tokens=100,
        seconds=2.0,
        reason="",
    )


def test_families_are_counted_apart_and_together() -> None:
    rows = [
        row("a", "cli", level="V3", accepted=True, allowed=True),
        row("b", "cli", level="V2", accepted=False, allowed=True),
        row("c", "data", level="V1", accepted=False),
        row("d", "data", level=None, accepted=False),
    ]
    report = summarise(MODEL, (0,), rows, incomplete=1)
    seen = [(one.family, one.runs, one.proved, one.accepted, one.allowed_wrong) for one in report.families]
    assert seen == [("cli", 2, 2, 1, 1), ("data", 2, 0, 0, 0), ("all", 4, 2, 1, 1)]


def test_the_table_says_what_was_left_out() -> None:
    report = summarise(MODEL, (0, 1), [row("a", "cli", level="V2", accepted=True)], incomplete=3)
    assert str(brief_table(report).title).endswith("2 seeds; 3 incomplete runs left out")
