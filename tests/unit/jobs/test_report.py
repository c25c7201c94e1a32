import json
from pathlib import Path

import pytest

from jobs.evaluate import TaskResult
from jobs.paired import wilson
from jobs.report import print_report, summarise, write_report
from qlayer.types.ids import ModelId, sha256
from qlayer.types.verdict import Outcome


def result(task: str, greedy: Outcome, final: Outcome, level: str = "V2", tokens: int = 100) -> TaskResult:
    return TaskResult(
        key=sha256(task.encode()),
        task=task,
        run_id="run",
        greedy=greedy,
        final=final,
        level=level,
        examples=2,
        samples=2,
        cut_off=1,
        extracted=1,
        greedy_tokens=50,
        tokens=tokens,
        seconds=1.0,
        reason="",
    )


ROWS = [
    result("a", Outcome.ACCEPTED, Outcome.ACCEPTED),
    result("b", Outcome.WRONG_ANSWER, Outcome.ACCEPTED),
    result("c", Outcome.ACCEPTED, Outcome.WRONG_ANSWER),
    result("d", Outcome.WRONG_ANSWER, Outcome.WRONG_ANSWER, level="V1", tokens=900),
]


def test_the_five_numbers() -> None:
    report = summarise("bench", ModelId("m"), ROWS, resumed=1)
    assert (report.greedy_passed, report.final_passed, report.tasks) == (2, 2, 4)
    assert (report.gained, report.lost) == (("b",), ("c",))
    assert (report.proved, report.proved_wrong) == (3, ("c",))
    assert (report.extraction_rate, report.cut_off_rate) == (1.0, 0.5)
    assert report.tokens_mean == 300
    assert report.tokens_p95 == 900


def test_the_file_and_the_json_output_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = summarise("bench", ModelId("m"), ROWS, resumed=0)
    write_report(report, tmp_path / "report.json")
    print_report(report, as_json=True)
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "report.json").read_text())


def test_levels_are_held_against_the_hidden_truth() -> None:
    rows = [
        result("a", Outcome.ACCEPTED, Outcome.ACCEPTED, level="V4"),
        result("b", Outcome.ACCEPTED, Outcome.WRONG_ANSWER, level="V3"),
        result("c", Outcome.ACCEPTED, Outcome.ACCEPTED, level="V2"),
        result("d", Outcome.ACCEPTED, Outcome.WRONG_ANSWER, level="V1"),
    ]
    report = summarise("bench", ModelId("m"), rows, resumed=0)
    seen = [(row.level, row.tasks, row.right, row.coverage) for row in report.calibration]
    assert seen == [("V2", 3, 2, 0.75), ("V3", 2, 1, 0.5), ("V4", 1, 1, 0.25)]
    assert (report.proved, report.proved_wrong) == (3, ("b",))
    assert report.p_value == 0.5, "two lost, none gained: as likely as two coins that agree"


def test_the_table_is_printed_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(summarise("bench", ModelId("m"), ROWS, resumed=0), as_json=False)
    assert "level or higher" in capsys.readouterr().out


def test_the_interval_of_a_share() -> None:
    low, high = wilson(114, 164)
    assert (round(low, 3), round(high, 3)) == (0.621, 0.760)
    # Of none right the upper end is z^2 / (n + z^2), from the formula; z = 1.959964.
    assert wilson(0, 10) == pytest.approx((0.0, 1.959964**2 / (10 + 1.959964**2)), abs=1e-6)
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)
