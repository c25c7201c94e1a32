"""Finished projects: listed, shown, verified, downloaded, corrected and accepted."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from qlayer.errors import NotFoundError
from qlayer.packaging.verification import Verification
from qlayer.pipeline.accepting import AcceptRequest, AcceptResult
from qlayer.pipeline.editing import EditRequest, EditResult
from qlayer.signing.key_file import KeyFolder
from qlayer.types.ids import CapsuleId
from serve_apps.rest.archive import tar_of, zip_of
from serve_apps.rest.documentation import ARCHIVE, FILE, refused
from serve_apps.rest.parts import PartsOf, Root
from serve_apps.rest.runs import Limit
from serve_apps.rest.schema import CapsuleAcceptance, CapsuleEdit, CapsulePage, CapsuleView

router = APIRouter(prefix="/capsules", tags=["capsules"])

CapsulePath = Annotated[
    str,
    Path(
        pattern=r"^(sha256:)?[0-9a-f]{6,64}$", description="A capsule's id, or an unambiguous prefix of it."
    ),
]
_UNTRUSTED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}
"""A file that a model wrote must never act as a page of this server."""


@router.get("", responses=refused(404, 422, 503))
async def list_capsules(
    parts: PartsOf,
    limit: Limit = 50,
    before: Annotated[CapsuleId | None, Query(description="Page on.")] = None,
) -> CapsulePage:
    """Capsules, newest first."""
    rows = await parts.platform.records.capsules(limit=limit + 1, before=before)
    more = len(rows) > limit
    return CapsulePage(capsules=rows[:limit], next=rows[limit - 1].id if more else None)


@router.get("/{capsule}", responses=refused(404, 422, 503))
async def get_capsule(capsule: CapsulePath, parts: PartsOf) -> CapsuleView:
    """Everything that is known about a capsule: its manifest."""
    found = await parts.platform.records.find_capsule(capsule)
    manifest, _ = await parts.platform.capsules.load(found.id)
    return CapsuleView(id=found.id, manifest=manifest)


@router.get("/{capsule}/verify", responses=refused(404, 422, 503))
async def verify_capsule(
    capsule: CapsulePath,
    parts: PartsOf,
    signed: Annotated[bool, Query(description="Fail a capsule that nobody signed.")] = False,
) -> Verification:
    """Check the stored capsule and its signatures step by step. Damage is a failed step, not an error.

    Signatures count by the keys of this server.
    """
    platform = parts.platform
    found = await platform.records.find_capsule(capsule)
    trust = KeyFolder(platform.settings.keys_dir).trust()
    return await platform.attestations.verify(found.id, trust, signed=signed)


@router.post("/{capsule}/edit", status_code=201, responses=refused(404, 413, 422, 503, 507))
async def edit_capsule(
    capsule: CapsulePath, body: CapsuleEdit, parts: PartsOf, root: Root, response: Response
) -> EditResult:
    """Correct a function: its code is put in place and judged by all checks of the capsule.

    The answer names the new capsule; the old one stays. What a person corrects teaches later runs. 422 when a
    check that passed before would fail, unless `force` says that this is meant.
    """
    platform = parts.platform
    found = await platform.records.find_capsule(capsule)
    result = await platform.editing.edit(EditRequest(capsule=found.id, **body.model_dump()))
    response.headers["Location"] = f"{root}/capsules/{result.capsule}"
    return result


@router.post("/{capsule}/accept", status_code=201, responses=refused(404, 409, 413, 422, 503, 507))
async def accept_capsule(
    capsule: CapsulePath, body: CapsuleAcceptance, parts: PartsOf, root: Root, response: Response
) -> AcceptResult:
    """Accept a capsule: level V5, once all its trusted checks have passed again.

    The answer names the new capsule; the old one stays. 422 when a check fails, 409 when it was accepted.
    """
    platform = parts.platform
    found = await platform.records.find_capsule(capsule)
    result = await platform.accepting.accept(AcceptRequest(capsule=found.id, **body.model_dump()))
    response.headers["Location"] = f"{root}/capsules/{result.capsule}"
    return result


@router.get("/{capsule}/archive", response_class=Response, responses=ARCHIVE | refused(404, 422, 503))
async def download_capsule(
    capsule: CapsulePath, parts: PartsOf, format: Literal["tar", "zip"] = "tar"
) -> Response:
    """All files below one folder: the same capsule gives the same bytes."""
    found = await parts.platform.records.find_capsule(capsule)
    _, tree = await parts.platform.capsules.load(found.id)
    name = found.id.removeprefix("sha256:")[:12]
    pack, media_type = (tar_of, "application/x-tar") if format == "tar" else (zip_of, "application/zip")
    content = await asyncio.to_thread(pack, tree.files, f"capsule-{name}")
    disposition = f'attachment; filename="capsule-{name}.{format}"'
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": disposition, **_UNTRUSTED}
    )


@router.get("/{capsule}/files/{path:path}", response_class=Response, responses=FILE | refused(404, 422, 503))
async def get_file(capsule: CapsulePath, path: str, parts: PartsOf) -> Response:
    """One file, as text when it is UTF-8. `ETag` is its digest."""
    found = await parts.platform.records.find_capsule(capsule)
    manifest, tree = await parts.platform.capsules.load(found.id)
    if path not in tree:
        raise NotFoundError(f"capsule {found.id} has no file {path!r}", kind="file")
    data = tree.files[path]
    headers = {"ETag": f'"{manifest.files[path]}"', **_UNTRUSTED}
    return Response(data, media_type=_media_type(data), headers=headers)


def _media_type(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8"
