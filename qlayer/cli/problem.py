"""Turns a server's ``application/problem+json`` (RFC 9457) back into the exception that it was made from."""

from __future__ import annotations

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from qlayer.errors import (
    ConflictError,
    InputError,
    LLMUnavailable,
    NotFoundError,
    QlayerError,
    SandboxError,
    StoreError,
    StoreFull,
    WeightsError,
)

_BY_NAME: dict[str, type[QlayerError]] = {
    "urn:qlayer:problem:not-found": NotFoundError,
    "urn:qlayer:problem:conflict": ConflictError,
    "urn:qlayer:problem:weights": WeightsError,
    "urn:qlayer:problem:llm-unavailable": LLMUnavailable,
    "urn:qlayer:problem:sandbox": SandboxError,
    "urn:qlayer:problem:store-full": StoreFull,
    "urn:qlayer:problem:store": StoreError,
}


class _Lenient(BaseModel):
    """What another version of the server says more is no reason to fail."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _FieldProblem(_Lenient):
    field: str
    limit: str | None = None


class _Problem(_Lenient):
    type: str = "about:blank"
    detail: str
    retryable: bool = False
    hint: str | None = None
    errors: tuple[_FieldProblem, ...] = ()


def error_of(response: httpx.Response, body: str | None = None) -> QlayerError:
    """The error that an answer stands for; `body` when it came inside a stream. Returned, not raised."""
    try:
        problem = _Problem.model_validate_json(body if body is not None else response.content)
    except ValidationError:  # not from our application: whatever stands in front of it while that restarts
        where = f"{response.request.method} {response.request.url.path}"
        problem = _Problem(detail=f"the server answered {response.status_code} to {where}", retryable=True)
    if problem.errors:
        first = problem.errors[0]
        return InputError(problem.detail, field=first.field, limit=first.limit, hint=problem.hint)
    error = _BY_NAME.get(problem.type, QlayerError)(problem.detail, hint=problem.hint)
    error.retryable = problem.retryable and not isinstance(error, StoreFull)
    return error
