"""Every failure in OpenAI's shape: an HTTP status and ``{"error": {message, type, param, code}}``."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from qlayer.errors import InputError, LLMUnavailable, NotFoundError, PromptTooLong, QlayerError
from serve_apps.openai.schema import ErrorBody, ErrorResponse

RETRY_AFTER_S = 1
_log = logging.getLogger(__name__)


def describe(error: Exception) -> tuple[int, ErrorBody]:
    """The status and the body that stand for an exception. An unexpected one tells nothing about itself."""
    match error:
        case PromptTooLong():
            return 400, ErrorBody(
                message=error.message,
                type="invalid_request_error",
                param="messages",
                code="context_length_exceeded",
                prompt_tokens=error.prompt_tokens,
                context_tokens=error.context_tokens,
            )
        case InputError():
            return 400, ErrorBody(
                message=error.message, type="invalid_request_error", param=error.field, code="invalid_value"
            )
        case NotFoundError():
            return 404, ErrorBody(
                message=error.message, type="invalid_request_error", param="model", code="model_not_found"
            )
        case LLMUnavailable():
            return 503, ErrorBody(message=error.message, type="overloaded_error", code="engine_overloaded")
        case QlayerError():
            return 500, ErrorBody(message=error.message, type="server_error", code="engine_failed")
        case _:
            return 500, ErrorBody(message="internal error", type="server_error", code="internal_error")


def respond(status: int, body: ErrorBody) -> JSONResponse:
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else {}
    content = ErrorResponse(error=body).model_dump(exclude_none=True)
    content["error"] = {"param": None, "code": None} | content["error"]
    return JSONResponse(content, status_code=status, headers=headers)


def install(app: FastAPI, *, on_malformed: Callable[[int], None]) -> None:
    """Answer every error of `app` in this shape; `on_malformed` hears of what was not understood."""

    @app.exception_handler(QlayerError)
    async def known(_: Request, error: QlayerError) -> JSONResponse:
        return respond(*describe(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        message = f"{where}: {first['msg']}" if where else str(first["msg"])
        on_malformed(400)
        return respond(400, ErrorBody(message=message, type="invalid_request_error", param=where or None))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return respond(error.status_code, ErrorBody(message=str(error.detail), type="invalid_request_error"))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        _log.error("unexpected failure in %s", request.url.path, exc_info=error)
        return respond(*describe(error))
