"""What the OpenAPI document says beyond the types: problems, streams and files."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serve_apps.rest.problems import MEDIA_TYPE, Problem

TITLE = "qlayer"
SUMMARY = "A request in plain words becomes software that is proved to run, with its evidence inside."
DESCRIPTION = """
`POST /generate` records a run and answers at once; follow it with `GET /runs/{id}/events` and fetch the
finished **capsule** below `/capsules`. Every error is `application/problem+json` (RFC 9457): `errors` names
the field and the limit, `retryable` says whether the same request can work later.
"""
TAGS = [
    {"name": "runs", "description": "Asking for projects and following how they are made."},
    {"name": "capsules", "description": "Finished projects with their evidence."},
    {"name": "policy", "description": "What may be released where, and why not."},
    {"name": "files", "description": "Bytes by digest, for jobs to name."},
    {"name": "sessions", "description": "Sandboxes that stay; each lives in one server process."},
    {"name": "validate", "description": "Judging programs in the sandbox."},
    {"name": "health", "description": "How the server is."},
]

Responses = dict[int | str, dict[str, Any]]

EVENT_STREAM: Responses = {
    200: {
        "description": "Server-sent events: `id` is the event's number, `event` its kind, `data` its JSON.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: 1\nevent: submitted\ndata: {"run_id": "run-...", "seq": 1, ...}\n\n',
            }
        },
    },
    204: {"description": "The run has finished and nothing follows the event that was named."},
}
VERDICT_STREAM: Responses = {
    200: {
        "description": "One job: its verdict. A batch: all verdicts, or server-sent events, one a verdict.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: 1\nevent: verdict\ndata: {"id": "echo", "verdict": {...}, ...}\n\n'
                'event: end\ndata: {"jobs": 1, "accepted": 1}\n\n',
            }
        },
    },
}
ARCHIVE: Responses = {
    200: {
        "description": "The archive.",
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in ("application/x-tar", "application/zip")
        },
    }
}
FILE: Responses = {
    200: {
        "description": "The file's bytes.",
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
IMAGE: Responses = {
    200: {
        "description": "An OCI image layout in a tar.",
        "content": {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}},
    }
}
BILL: Responses = {
    200: {
        "description": "The bill of materials.",
        "content": {"application/vnd.cyclonedx+json": {"schema": {"type": "object"}}},
    }
}


def refused(*statuses: int) -> Responses:
    """Problem responses of a route."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with problems under their own media type."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        for operations in schema["paths"].values():
            for operation in operations.values():
                _retype_problems(operation["responses"])
        app.openapi_schema = schema
    return app.openapi_schema


def _retype_problems(responses: dict[str, Any]) -> None:
    """FastAPI documents a problem under the media type of the route's own answer."""
    for response in responses.values():
        for body in response.get("content", {}).values():
            if body.get("schema", {}).get("$ref", "").endswith("/Problem"):
                response["content"] = {MEDIA_TYPE: body}
