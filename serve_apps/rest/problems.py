"""Every error leaves as ``application/problem+json`` (RFC 9457), whatever broke and wherever.

A problem names the field and the limit where a caller can do something about it, says whether trying again
can help, and shows nothing of the inside when the fault is ours.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Field
from starlette.exceptions import HTTPException

from qlayer.errors import (
    BudgetExceeded,
    ConflictError,
    CorruptBlob,
    InputError,
    LLMError,
    LLMUnavailable,
    NotFoundError,
    Overloaded,
    PolicyDenied,
    PromptTooLong,
    QlayerError,
    RunCancelled,
    SandboxError,
    SessionGone,
    SessionsFull,
    SignatureRefused,
    SigningError,
    StoreError,
    StoreFull,
    WeightsError,
)
from qlayer.executor.base import ExecutorError
from qlayer.types.frozen import Frozen
from serve_apps.rest import tags

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_STATUS: tuple[tuple[type[QlayerError], int], ...] = (
    (InputError, 422),
    (NotFoundError, 404),
    (ConflictError, 409),
    (PolicyDenied, 403),
    (RunCancelled, 409),
    (BudgetExceeded, 422),
    (PromptTooLong, 422),
    (LLMUnavailable, 503),
    (Overloaded, 429),
    (ExecutorError, 503),
    (WeightsError, 503),
    (LLMError, 502),
    (SessionGone, 410),
    (SessionsFull, 429),
    (SandboxError, 503),
    (StoreFull, 507),
    (CorruptBlob, 500),
    (StoreError, 503),
    (SignatureRefused, 422),
    (SigningError, 503),
)
"""The first class that fits gives the status; anything else is 500."""

log = logging.getLogger(__name__)


class FieldProblem(Frozen):
    """One thing that is wrong with a request."""

    field: str
    """Dotted, for example ``budget.tokens``; ``query.limit`` and ``header.idempotency-key`` for the rest."""
    message: str
    limit: str | None = None
    """The bound that was broken, for example ``ge=1``."""


class Problem(Frozen):
    """RFC 9457. `type` is a stable name; `detail` is one sentence for a person."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:qlayer:problem:input",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "budget.tokens: Input should be greater than or equal to 1",
                    "instance": "/generate",
                    "retryable": False,
                    "errors": [
                        {
                            "field": "budget.tokens",
                            "message": "Input should be greater than or equal to 1",
                            "limit": "at least 1",
                        }
                    ],
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
    """Path of the request."""
    retryable: bool = False
    hint: str | None = None
    """What to do next."""
    errors: tuple[FieldProblem, ...] = Field(default=())


_BOUNDS = {
    "gt": "more than",
    "ge": "at least",
    "lt": "less than",
    "le": "at most",
    "min_length": "length at least",
    "max_length": "length at most",
}


def problem(
    status: int, detail: str, *, name: str | None = None, retryable: bool = False, hint: str | None = None,
    errors: Sequence[FieldProblem] = (),
) -> Problem:  # fmt: skip
    """A problem with the standard title of its status; `name` makes its type, about:blank without one."""
    return Problem(
        type=f"urn:qlayer:problem:{name}" if name else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        retryable=retryable,
        hint=hint,
        errors=tuple(errors),
    )


def problem_of(error: QlayerError) -> Problem:
    """What a client is told about one of our errors."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    errors: tuple[FieldProblem, ...] = ()
    if isinstance(error, InputError):
        errors = (FieldProblem(field=error.field, message=error.message, limit=error.limit),)
    name = type(error).__name__.removesuffix("Error")
    return problem(
        status, error.message, name=_kebab(name), retryable=error.retryable, hint=error.hint, errors=errors
    )


def respond(body: Problem, path: str | None = None, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The HTTP response of a problem. 429 and 503 say when to come back."""
    content = body.model_copy(update={"instance": path}).model_dump(mode="json", exclude_none=True)
    extra = {"Retry-After": str(RETRY_AFTER_S)} if body.status in (429, 503) else {}
    return JSONResponse(
        content, status_code=body.status, media_type=MEDIA_TYPE, headers={**extra, **(headers or {})}
    )


def install(app: FastAPI) -> None:
    """Handle every way in which a request can fail."""

    @app.exception_handler(QlayerError)
    async def on_qlayer_error(request: Request, error: QlayerError) -> JSONResponse:
        body = problem_of(error)
        if body.status >= 500:
            log.warning("%s %s: %s", request.method, request.url.path, error.message, exc_info=error)
        return respond(body, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return respond(_invalid(error.errors()), request.url.path)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        detail = error.detail
        if detail == HTTPStatus(error.status_code).phrase:  # Starlette's own: routing
            detail = f"{request.method} {request.url.path}: {detail.lower()}"
        return respond(problem(error.status_code, detail), request.url.path, error.headers)

    @app.exception_handler(Exception)
    async def on_defect(request: Request, error: Exception) -> JSONResponse:
        # The server logs the traceback; a client learns that it was not its fault and nothing else.
        body = problem(500, "the server failed; the fault is logged there", name="internal", retryable=True)
        return respond(body, request.url.path)


def _invalid(found: Sequence[Any]) -> Problem:
    errors = tuple(_field_problem(entry) for entry in found)
    first = errors[0]
    detail = f"{first.field}: {first.message}"
    if found[0]["type"] == "json_invalid":
        return problem(400, detail, name="json", errors=errors)
    return problem(422, detail, name="input", errors=errors)


def _field_problem(entry: Mapping[str, Any]) -> FieldProblem:
    place, *path = (str(part) for part in entry["loc"])
    path = tags.plain(path)
    field = ".".join(path if place == "body" and path else (place, *path))
    context = entry.get("ctx") or {}
    bounds = [_bound(name, value) for name, value in context.items() if isinstance(value, int | float)]
    message = entry["msg"].removeprefix("Value error, ")
    if entry["type"] == "json_invalid":
        field, message = "body", f"not valid JSON: {context.get('error', 'cannot be read')}"
    return FieldProblem(field=field, message=message, limit=", ".join(bounds) or None)


def _bound(name: str, value: float) -> str:
    """Pydantic's name of a bound in words, such as ``at most 100``."""
    words = _BOUNDS.get(name, name.replace("_", " "))
    return f"{words} {int(value) if value == int(value) else value:,}"


def _kebab(name: str) -> str:
    """``LLMUnavailable`` -> ``llm-unavailable``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
