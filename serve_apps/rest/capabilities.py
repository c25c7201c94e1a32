"""What the sandbox of this server enforces, and which backends and tiers its host could give."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from qlayer.sandbox.base import SandboxInfo
from qlayer.sandbox.survey import Survey, survey
from qlayer.types.frozen import Frozen
from serve_apps.rest.parts import PartsOf

router = APIRouter(tags=["health"])


class Capabilities(Frozen):
    """The sandbox in use, and the host around it."""

    sandbox: SandboxInfo
    host: Survey


@router.get("/capabilities")
async def capabilities(parts: PartsOf) -> Capabilities:
    """The isolation of every run here, and for each backend and tier what is enforced, emulated or missing.

    The host is looked at anew each time, one look at a time.
    """
    async with _ONE_AT_A_TIME:
        host = await asyncio.to_thread(survey, parts.platform.settings.sandbox)
    return Capabilities(sandbox=parts.platform.sandbox.info, host=host)


_ONE_AT_A_TIME = asyncio.Semaphore(1)
