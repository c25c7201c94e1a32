"""Every error of ours has a status on purpose."""

from __future__ import annotations

import pytest

from qlayer import errors
from qlayer.errors import ConfigurationError, InputError, LLMUnavailable, QlayerError, StoreFull
from serve_apps.rest.problems import problem_of

FAULTS_OF_OURS = {QlayerError, ConfigurationError}
"""Nothing a client can do: plain 500."""


def every_error() -> list[type[QlayerError]]:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, QlayerError)
    ]
    assert len(kinds) > 10
    return kinds


@pytest.mark.parametrize("kind", every_error())
def test_every_error_has_a_status_and_a_type(kind: type[QlayerError]) -> None:
    found = problem_of(kind("what happened", hint="do this"))
    assert found.type.startswith("urn:qlayer:problem:")
    assert (found.detail, found.hint, found.retryable) == ("what happened", "do this", kind.retryable)
    if kind in FAULTS_OF_OURS:
        assert found.status == 500
    elif kind.__name__ != "CorruptBlob":
        assert found.status != 500


def test_types_are_stable_names() -> None:
    assert problem_of(LLMUnavailable("x")).type == "urn:qlayer:problem:llm-unavailable"
    assert problem_of(StoreFull("x")).type == "urn:qlayer:problem:store-full"


def test_input_errors_name_field_and_limit() -> None:
    [entry] = problem_of(InputError("too long", field="text", limit="64 KiB")).errors
    assert (entry.field, entry.limit) == ("text", "64 KiB")
