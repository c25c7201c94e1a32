"""The numbers of an evaluation, from rows whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.evaluate import show
from jobs.paired import wilson
from jobs.plan import Setup
from jobs.report import Report, summarise
from jobs.report_table import report_tables
from jobs.results import JudgedCandidate, TaskResult
from qlayer.types.ids import ModelId, sha256
from qlayer.types.run import AttemptKind
from qlayer.types.verdict import Outcome

MEANING = {"+": Outcome.ACCEPTED, "-": Outcome.WRONG_ANSWER, "x": Outcome.COMPILE_ERROR}


def result(
    task: str,
    samples: str,
    kept: int = 0,
    *,
    repairs: str = "",
    level: str = "V2",
    seed: int = 0,
    tokens: int = 100,
    allowed: bool = False,
    fixes: tuple[str, ...] = (),
    broken: bool = False,
) -> TaskResult:
    """One character a program: ``+`` right, ``-`` wrong, ``x`` does not run. Fixes are of the first one."""
    kinds = [AttemptKind.GREEDY, *[AttemptKind.SAMPLE] * (len(samples) - 1)]
    kinds += [AttemptKind.REPAIR] * len(repairs)
    candidates = tuple(
        JudgedCandidate(
            attempt=at,
            kind=kind,
            program=sha256(f"{task} {at}".encode()),
            hidden=MEANING[mark],
            fixes=fixes if at == 0 else (),
            broken=broken and at == 0,
        )
        for at, (kind, mark) in enumerate(zip(kinds, samples + repairs, strict=True))
    )
    return TaskResult(
        key=sha256(f"{task} {seed}".encode()),
        task=task,
        seed=seed,
        run_id="run",
        greedy=candidates[0].hidden,
        final=candidates[kept].hidden,
        level=level,
        allowed=allowed,
        candidates=candidates,
        examples=2,
        samples=2,
        cut_off=1,
        extracted=1,
        greedy_tokens=50,
        tokens=tokens,
        seconds=1.0,
        reason="",
    )


def report_of(*rows: TaskResult) -> Report:
    return summarise("bench", ModelId("m"), rows)


ROWS = (
    result("a", "++"),
    result("b", "-+-+", kept=1),
    result("c", "+---", kept=2),
    result("d", "x---", repairs="+", level="V1", tokens=900),
)


def test_the_five_numbers() -> None:
    report = report_of(*ROWS)
    numbers = report.numbers
    assert (numbers.greedy, numbers.selected, numbers.oracle) == (0.5, 0.5, 1.0)
    assert numbers.random == (1 + 1 / 2 + 1 / 4 + 0) / 4, "a repair was not drawn blindly"
    assert (numbers.tokens_mean, numbers.tokens_p95) == (300, 900)
    assert report.efficiency == (0.5 - 0.4375) / (1 - 0.4375)
    assert (report.gained, report.lost, report.p_value) == (("b",), ("c",), 1.0)
    assert report.proved_wrong == ("c",)
    assert (report.extraction_rate, report.cut_off_rate) == (1.0, 0.5)


def test_nothing_to_choose_has_no_efficiency() -> None:
    assert report_of(result("a", "++"), result("b", "--")).efficiency is None


def test_several_seeds_count_a_task_by_its_share_of_right_runs() -> None:
    rows = [
        *(result("helped", "-+", kept=1, seed=seed) for seed in (0, 1)),
        *(result("even", "-+", kept=seed, seed=seed) for seed in (0, 1)),
    ]
    report = report_of(*rows)
    assert (report.tasks, report.numbers.runs, report.numbers.selected) == (2, 4, 0.75)
    assert [(one.seed, one.selected) for one in report.seeds] == [(0, 0.5), (1, 1.0)]
    assert report.gained == ("even", "helped"), "right more often than the greedy sample"
    assert report.selected_interval == wilson(1.5, 2), "the second seed makes it no narrower"


def test_levels_are_held_against_the_hidden_truth() -> None:
    report = report_of(
        result("a", "+", level="V4", allowed=True),
        result("b", "+-", kept=1, level="V3", allowed=True),
        result("c", "+", level="V2"),
        result("d", "+-", kept=1, level="V1"),
    )
    seen = [(row.level, row.runs, row.right, row.coverage) for row in report.calibration]
    assert seen == [("V2", 3, 2, 0.75), ("V3", 2, 1, 0.5), ("V4", 1, 1, 0.25)]
    assert (report.confident_wrong, report.signed_wrong) == (0.25, 0.25)
    assert report.p_value == 0.5, "two lost, none gained: as likely as two coins that agree"


def test_what_the_fixes_rescued() -> None:
    fixing = report_of(
        result("rescued", "+", fixes=("add_imports",), broken=True),
        result("tidied", "+", fixes=("drop_example_code",)),
        result("in vain", "-", fixes=("add_imports",), broken=True),
        result("beyond", "x", broken=True),
    ).fixing
    assert (fixing.programs, fixing.changed, fixing.changed_right) == (4, 3, 2)
    assert (fixing.broken, fixing.rescued, fixing.rescued_right) == (3, 2, 1)


def test_the_file_and_the_json_output_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(report_of(*ROWS), (), Setup(out=tmp_path), as_json=True)
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "report.json").read_text())


def test_the_tables_are_printed_without_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = report_of(*ROWS, result("a", "+-", kept=1, seed=1))
    show(report, report_tables(report), Setup(out=tmp_path), as_json=False)
    printed = capsys.readouterr().out
    assert all(words in printed for words in ("efficiency", "seed 1", "signed but wrong", "level or higher"))


def test_rows_of_an_earlier_form_are_still_read() -> None:
    row = result("a", "+").model_dump(exclude={"seed", "allowed", "candidates"})
    assert TaskResult.model_validate(row).random_right == 1.0


def test_the_interval_of_a_share() -> None:
    low, high = wilson(114, 164)
    assert (round(low, 3), round(high, 3)) == (0.621, 0.760)
    # Of none right the upper end is z^2 / (n + z^2), from the formula; z = 1.959964.
    assert wilson(0, 10) == pytest.approx((0.0, 1.959964**2 / (10 + 1.959964**2)), abs=1e-6)
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)
