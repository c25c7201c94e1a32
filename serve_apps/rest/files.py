"""Files by their content: put bytes once, name them by digest in any job afterwards.

Names come into play only where a tree is put together (`tree_of`); a file here has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import ValidationError

from qlayer.errors import InputError, NotFoundError
from qlayer.store.base import Blobs
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, sha256
from qlayer.types.source import MAX_TREE_BYTES, SourceTree
from serve_apps.rest.documentation import refused
from serve_apps.rest.parts import PartsOf

router = APIRouter(prefix="/files", tags=["files"])

_DIGEST = r"^sha256:[0-9a-f]{64}$"
DigestPath = Annotated[str, Path(pattern=_DIGEST, description="``sha256:`` and 64 hexadecimal digits.")]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class StoredFile(Frozen):
    """A file that is on disk for good when this is answered."""

    digest: Digest
    bytes: int


@router.post("", status_code=201, responses=refused(413, 422, 503, 507), openapi_extra=_BODY)
async def upload_file(
    request: Request,
    parts: PartsOf,
    response: Response,
    digest: Annotated[str | None, Query(pattern=_DIGEST, description="Refuse other bytes.")] = None,
) -> StoredFile:
    """Store the body. The same bytes twice are one file; the answer is the same."""
    data = await request.body()
    found = sha256(data)
    if digest is not None and digest != found:
        raise InputError(f"the body's digest is {found}", field="digest", limit=f"eq={digest}")
    await parts.platform.blobs.put(data)
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/files/{found}"
    return StoredFile(digest=found, bytes=len(data))


@router.head("/{digest}", status_code=204, response_class=Response, responses=refused(404, 422, 503))
async def has_file(digest: DigestPath, parts: PartsOf) -> Response:
    """Whether it need not be sent again."""
    if not await parts.platform.blobs.has(Digest(digest)):
        raise NotFoundError(f"no file {digest}", kind="file")
    return Response(status_code=204)


async def tree_of(files: Mapping[str, Digest], blobs: Blobs, *, field: str = "files") -> SourceTree:
    """The tree that a job names by digests. Raises `InputError` naming the entry, or the rule it breaks."""
    _checked(dict.fromkeys(files, b""), field)
    loaded: dict[str, bytes] = {}
    left = MAX_TREE_BYTES
    for path, digest in files.items():
        try:
            loaded[path] = await blobs.get(digest)
        except NotFoundError:
            hint = "upload it first: POST /files"
            raise InputError(f"{path}: no file {digest}", field=f"{field}.{path}", hint=hint) from None
        left -= len(loaded[path])
        if left < 0:
            limit = f"max_tree_bytes={MAX_TREE_BYTES}"
            raise InputError("together the files are too large", field=field, limit=limit)
    return _checked(loaded, field)


def _checked(files: dict[str, bytes], field: str) -> SourceTree:
    try:
        return SourceTree(files=files)
    except ValidationError as error:
        first = error.errors()[0]
        limits = [f"{name}={value}" for name, value in first.get("ctx", {}).items() if isinstance(value, int)]
        raise InputError(first["msg"], field=field, limit=", ".join(limits) or None) from None
