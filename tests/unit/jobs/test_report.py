import json
from pathlib import Path

import pytest

from jobs.evaluate import TaskResult
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
