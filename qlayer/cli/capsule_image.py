"""``qlayer capsule image``: a capsule as a container image, without docker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from qlayer.app.build import open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import out, print_json, short
from qlayer.errors import InputError
from qlayer.packaging.images import CapsuleImage, Images
from qlayer.packaging.oci import write_layout
from qlayer.packaging.reference import Reference
from qlayer.packaging.registry import Registry
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, Digest


class ImageMade(Frozen):
    """What was built and where it went."""

    capsule: CapsuleId
    image: Digest
    attached: tuple[Digest, ...]
    """Bill of materials, then the signatures."""
    layout: str | None = None
    pushed: str | None = None


def image(
    capsule: Annotated[
        str, typer.Argument(metavar="CAPSULE", help="A capsule's id, or at least 6 hex digits of it.")
    ],
    destination: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write an OCI layout to this new folder.")
    ] = None,
    push: Annotated[
        str | None, typer.Option(metavar="HOST/NAME:TAG", help="Push it, with its evidence attached.")
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="OCI layout to build on. Default: QLAYER_IMAGE_BASE, else nothing."),
    ] = None,
    plain_http: Annotated[bool, typer.Option("--plain-http", help="The registry speaks no TLS.")] = False,
    as_json: Json = False,
) -> None:
    """Build an image of a capsule: the same capsule on the same base has the same digest.

    Without --out and --push only the digest is told. A registry's password is read from QLAYER_REGISTRY_USER
    and QLAYER_REGISTRY_PASSWORD.
    """
    settings = load_settings()
    to = Reference.parse(push) if push is not None else None
    if to is not None and to.digest is not None:
        raise InputError("an image is pushed under a tag; its digest follows", field="--push")
    made = asyncio.run(_make(settings, capsule, base or settings.image_base, destination, to, plain_http))
    if as_json:
        print_json(made)
        return
    out().print(f"{made.image} of {short(made.capsule)}, {len(made.attached)} attached", soft_wrap=True)
    for place in (made.layout, made.pushed):
        if place is not None:
            out().print(f"written to {place}", soft_wrap=True)


async def _make(
    settings: Settings,
    prefix: str,
    base: Path | None,
    destination: Path | None,
    to: Reference | None,
    plain: bool,
) -> ImageMade:
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(prefix)
        built = await Images(storage.capsules, storage.attestations, base).build(found.id)
    if destination is not None:
        tag = found.id.removeprefix("sha256:")[:12]
        await asyncio.to_thread(write_layout, built.image, built.attached, destination, tag)
    pushed = await _push(settings, built, to, plain) if to is not None else None
    return ImageMade(
        capsule=found.id,
        image=built.image.digest,
        attached=tuple(one.digest for one in built.attached),
        layout=str(destination) if destination is not None else None,
        pushed=str(pushed) if pushed is not None else None,
    )


async def _push(settings: Settings, built: CapsuleImage, to: Reference, plain: bool) -> Reference:
    user = settings.registry_user, settings.registry_password
    login = (user[0], user[1]) if user[0] is not None and user[1] is not None else None
    async with Registry(to, plain=plain, user=login) as registry:
        return await registry.push(built.image, built.attached)
