"""Log lines that a machine can read."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from qlayer.telemetry.logging import configure


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    logger = logging.getLogger("qlayer")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def test_one_json_object_a_line_with_extras_and_traceback() -> None:
    stream = io.StringIO()
    configure(stream, form="json")
    logger = logging.getLogger("qlayer.llm")
    try:
        raise ValueError("broken\nin two lines")
    except ValueError:
        logger.exception("it %s", "failed", extra={"run": "run-1"})
    [line] = stream.getvalue().splitlines()
    record = json.loads(line)
    assert (record["level"], record["logger"], record["message"]) == ("error", "qlayer.llm", "it failed")
    assert record["run"] == "run-1"
    assert "ValueError: broken" in record["traceback"]


def test_configuring_twice_does_not_double_the_lines() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure(first)
    configure(second, level="warning")
    logging.getLogger("qlayer").info("quiet")
    logging.getLogger("qlayer").warning("heard")
    assert first.getvalue() == ""
    assert second.getvalue().count("heard") == 1
    assert "quiet" not in second.getvalue()
