"""What is seen of a run: sentences, the live frame, plain lines, and nothing dangerous on a terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from rich.console import Console

from qlayer.cli.live import LiveView, PlainView, SilentView, view_for
from qlayer.cli.narrate import MAX_CHARS, sentence
from qlayer.cli.progress import RunProgress
from qlayer.cli.render import printable, size
from qlayer.events.base import LiveText
from qlayer.types.candidate import Sampling
from qlayer.types.choice import Answered, Asked, Facts, Question, Selected, WavePlanned
from qlayer.types.ids import ModelId, RunId, sha256
from qlayer.types.run import (
    AttemptKind,
    EventBody,
    Finished,
    RunEvent,
    RunRequest,
    RunStatus,
    Sampled,
    SkeletonBuilt,
    Started,
    Submitted,
)
from qlayer.types.usage import Budget, TokenUsage

RUN = RunId("run-000000000001-0000000a")


def event(seq: int, body: EventBody) -> RunEvent:
    return RunEvent(run_id=RUN, seq=seq, at=datetime(2026, 1, 1, tzinfo=UTC), body=body)


def text(words: str) -> LiveText:
    return LiveText(run_id=RUN, slot="f", attempt=0, text=words)


def sampled(tokens: int) -> Sampled:
    return Sampled(
        slot="f",
        attempt=0,
        attempt_kind=AttemptKind.GREEDY,
        model=ModelId("m"),
        prompt=sha256(b""),
        completion=sha256(b""),
        sampling=Sampling(),
        usage=TokenUsage(completion_tokens=tokens),
        finish_reason="stop",
        seconds=1.0,
    )


def test_control_characters_never_reach_a_terminal() -> None:
    assert printable("a\x1b[31mb\x07\tc\n\x9b") == "a\ufffd[31mb\ufffd\tc\n\ufffd"
    hostile = Finished(
        status=RunStatus.FAILED, reason="\x1b]0;owned\x07" * 100, seconds=1, usage=TokenUsage()
    )
    line = sentence(hostile)
    assert "\x1b" not in line
    assert "\n" not in line
    assert len(line) <= MAX_CHARS


def test_tokens_are_counted_while_they_stream_and_corrected_when_known() -> None:
    progress = RunProgress()
    progress.show(event(1, Submitted(request=RunRequest(text="x", budget=Budget(tokens=50)))))
    for word in ("a", "b", "c"):
        progress.show(text(word))
    assert (progress.tokens, progress.text, progress.budget.tokens) == (3, "abc", 50)
    progress.show(event(2, sampled(7)))
    assert progress.tokens == 7
    assert progress.writing == ""


def test_the_view_fits_where_the_output_goes() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True)
    pipe = Console(file=io.StringIO(), force_terminal=False)
    assert isinstance(view_for(terminal, quiet=False), LiveView)
    assert isinstance(view_for(pipe, quiet=False), PlainView)
    assert isinstance(view_for(terminal, quiet=True), SilentView)


def test_plain_lines_have_one_event_each_and_no_live_text() -> None:
    out = io.StringIO()
    with PlainView(Console(file=out, width=40)) as view:
        view.show(event(1, Started(owner="somebody with a name that is longer than the line")))
        view.show(text("def f"))
    assert out.getvalue().count("\n") == 1
    assert "def f" not in out.getvalue()


def test_the_live_frame_shows_text_verdicts_and_budget() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, height=40, color_system=None)
    now = 0.0
    with LiveView(console, lambda: now) as view:
        view.show(event(1, Submitted(request=RunRequest(text="x", budget=Budget(tokens=50, seconds=9)))))
        view.show(
            event(
                2,
                SkeletonBuilt(template="function", reason="fits", tree=sha256(b""), slots=("f",), checks=()),
            )
        )
        view.show(text("def f():\n    return '\x1b[2J'"))
        now = 4.0
        view._live.refresh()
    shown = out.getvalue()
    assert "writing f, try 1" in shown
    assert "def f():" in shown
    assert "1 of 50" in shown
    assert "4 of 9" in shown
    assert "\x1b[2J" not in shown
    assert shown.rstrip().endswith("the model is to write f"), "the log stays when the frame is gone"


def test_sizes_are_for_people() -> None:
    assert [size(n) for n in (None, 5, 491_400_064, 1_117_320_768)] == ["?", "5 B", "491 MB", "1.12 GB"]


def test_tries_side_by_side_are_counted_together_and_told_apart() -> None:
    progress = RunProgress()
    progress.show(event(1, WavePlanned(slot="f", attempts=(1, 2))))
    for attempt, word in ((1, "a"), (2, "x"), (1, "b")):
        progress.show(LiveText(run_id=RUN, slot="f", attempt=attempt, text=word))
    assert (progress.writing, progress.text, progress.tokens) == ("f, try 2 and 1 beside it", "ab", 3)
    assert progress.tries == {1: "...", 2: "..."}
    progress.show(event(2, sampled(5).model_copy(update={"attempt": 1, "finish_reason": "cancelled"})))
    assert (progress.writing, progress.tokens) == ("f, try 3", 6)
    assert progress.tries[1] == "not needed"


def test_the_choice_is_told_with_its_question() -> None:
    question = Question(function="f", args="(0,)", answers=("1", "None"), attempts=(0, 2))
    facts = tuple(Facts(index=n, passed=2, crash_free=1.0, agreeing=1) for n in (0, 2))
    selected = Selected(
        slot="f",
        selector="ours",
        facts=facts,
        groups=((0,), (2,)),
        inputs=("(0,)",),
        question=question,
        tied=True,
        chosen=0,
    )
    told = sentence(selected)
    assert "1 + 1" in told and "tie" in told and "f(0,) gives 1" in told
    assert "which is right" in sentence(Asked(slot="f", question=question, wait_s=1))
    assert "me says" in sentence(Answered(slot="f", function="f", args="(0,)", expected="1", who="me"))
