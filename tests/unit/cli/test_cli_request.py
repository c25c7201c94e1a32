"""What a person may type as a request, and what is refused with the field and the limit."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from qlayer.cli.request import bounds_told, build_budget, read_request_text
from qlayer.errors import InputError
from qlayer.types.spec import MAX_SPEC_BYTES
from qlayer.types.usage import Budget


def test_plain_words_are_the_request() -> None:
    assert read_request_text("add two numbers", None) == "add two numbers"


def test_an_existing_file_is_read_however_it_is_named(tmp_path: Path) -> None:
    spec = tmp_path / "spec.md"
    spec.write_text("Größe")
    assert read_request_text(str(spec), None) == "Größe"
    assert read_request_text(None, spec) == "Größe"


@pytest.mark.parametrize("text", ["missing.md", "./spec", "/no/such/folder", "~/spec.txt"])
def test_a_path_without_a_file_is_no_request(text: str) -> None:
    with pytest.raises(InputError, match="names no file"):
        read_request_text(text, None)


@pytest.mark.parametrize("text", ["quicksort", "slug.", "read a/b.txt and print it"])
def test_words_are_no_path(text: str) -> None:
    assert read_request_text(text, None) == text


def test_bounds_are_told_in_words() -> None:
    assert bounds_told({"ge": 16_777_216}) == "at least 16777216"
    assert bounds_told({"gt": 0.0, "le": 3600.0}) == "more than 0, at most 3600"
    assert bounds_told({}) is None


def test_a_dash_reads_stdin() -> None:
    assert read_request_text("-", None, io.BytesIO(b"from a pipe")) == "from a pipe"


@pytest.mark.parametrize("text", ["word " * 2_000, "what/is\0this", "a" * 300])
def test_text_that_cannot_be_a_path_is_no_crash(text: str) -> None:
    if "\0" in text:
        with pytest.raises(InputError, match="zero byte"):
            read_request_text(text, None)
    else:
        assert read_request_text(text, None) == text


@pytest.mark.parametrize(
    ("data", "words", "limit"),
    [
        (b"", "empty", "at least one word"),
        (b" \n\t ", "empty", "at least one word"),
        (b"a" * (MAX_SPEC_BYTES + 1), "larger than 65536 bytes", "65536 bytes"),
        (b"a" * 1_000_000, "larger than 65536 bytes", "65536 bytes"),
        (b"\x89PNG\r\n", "not UTF-8 text (byte 0)", "UTF-8"),
        (b"text\0", "zero byte", "text"),
    ],
)
def test_bad_bytes_are_refused_from_every_side(tmp_path: Path, data: bytes, words: str, limit: str) -> None:
    spec = tmp_path / "spec.md"
    spec.write_bytes(data)
    for arguments in ((str(spec), None, None), (None, spec, None), ("-", None, io.BytesIO(data))):
        with pytest.raises(InputError) as caught:
            read_request_text(*arguments)
        assert words in caught.value.message
        assert caught.value.limit == limit


def test_exactly_the_limit_is_allowed(tmp_path: Path) -> None:
    spec = tmp_path / "spec.md"
    spec.write_bytes(b"a" * MAX_SPEC_BYTES)
    assert len(read_request_text(None, spec)) == MAX_SPEC_BYTES


def test_nothing_two_things_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing was asked for"):
        read_request_text(None, None)
    with pytest.raises(InputError, match="not both"):
        read_request_text("x", tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_request_text(None, tmp_path / "absent")
    with pytest.raises(InputError, match="cannot be read"):
        read_request_text(None, tmp_path)


def test_a_budget_keeps_what_was_not_given() -> None:
    assert build_budget(Budget(tokens=10, seconds=5), 20, None) == Budget(tokens=20, seconds=5)


@pytest.mark.parametrize(
    ("tokens", "seconds", "field", "limit"),
    [
        (0, None, "--budget-tokens", "at least 1"),
        (-1, None, "--budget-tokens", "at least 1"),
        (10_000_001, None, "--budget-tokens", "at most 10000000"),
        (None, 0.0, "--budget-seconds", "more than 0"),
        (None, 86_401.0, "--budget-seconds", "at most 86400"),
    ],
)
def test_a_wrong_budget_names_the_option_and_the_limit(
    tokens: int | None, seconds: float | None, field: str, limit: str
) -> None:
    with pytest.raises(InputError) as caught:
        build_budget(Budget(), tokens, seconds)
    assert (caught.value.field, caught.value.limit) == (field, limit)
