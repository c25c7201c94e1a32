from qlayer.generation.runaway import GRAM, RunawayWatch

CODE = "```python\ndef f(x):\n    return x\n```"


def cut_after(text: str, step: int = 3) -> tuple[str | None, str]:
    """What the watch says of a text that comes in small pieces, and how much of it had come by then."""
    watch = RunawayWatch("f")
    for end in range(step, len(text) + step, step):
        why = watch.feed(text[end - step : end])
        if why is not None:
            return why, text[:end]
    return None, text


def test_an_ordinary_answer_is_left_alone() -> None:
    assert cut_after(f"Here it is:\n\n{CODE}\n\nIt gives back what it is given.") == (
        None,
        f"Here it is:\n\n{CODE}\n\nIt gives back what it is given.",
    )


def test_a_second_block_after_the_function_is_cut_as_it_opens() -> None:
    why, seen = cut_after(f"{CODE}\nUse it like this:\n```python\nprint(f(1))\n```")
    assert why == "second fence"
    assert "print" not in seen


def test_a_block_before_the_function_does_not_count() -> None:
    text = f"```bash\npip install nothing\n```\n{CODE}"
    assert cut_after(text) == (None, text)


def test_words_that_go_round_in_circles_are_cut_at_the_third_round() -> None:
    line = " ".join(f"w{n}" for n in range(GRAM)) + "\n"
    why, seen = cut_after("def f(x):\n" + line * 50)
    assert why == "repetition"
    assert seen.count("w0") <= 4


def test_one_line_that_comes_again_and_again_is_cut() -> None:
    why, seen = cut_after("    if x == 1: return 2\n" * 200)
    assert why == "repetition"
    assert len(seen) < 24 * 15


def test_a_run_that_comes_twice_is_left_alone() -> None:
    line = " ".join(f"w{n}" for n in range(GRAM)) + "\n"
    assert cut_after(line * 2)[0] is None
