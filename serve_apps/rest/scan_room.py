"""How many scans of sent files a replica does at once."""

from __future__ import annotations

import asyncio

from qlayer.app.build import build_scanners
from qlayer.app.settings import Settings
from qlayer.errors import Overloaded
from qlayer.scan.run import scan
from qlayer.scan.tools import Profile
from qlayer.types.scan import ScanReport
from qlayer.types.source import SourceTree

MAX_SCANS = 2
"""One of them keeps up to four tools busy."""


class ScanRoom:
    """Room for `MAX_SCANS`; whoever comes then is refused at once, so that nothing piles up."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(MAX_SCANS)

    async def scan(self, tree: SourceTree, profile: Profile) -> ScanReport:
        """Raises `Overloaded`. No answer is kept: what strangers send is not to fill the cache."""
        if self._free.locked():
            raise Overloaded(f"{MAX_SCANS} scans are at work here", hint="try again after Retry-After")
        async with self._free:
            return await scan(tree, build_scanners(self._settings, profile))
