"""What scanners said of a capsule, and what they say of files that a client sends. Nothing of them is run."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import Field, field_validator

from qlayer.errors import NotFoundError
from qlayer.scan.tools import Profile
from qlayer.types.frozen import Frozen
from qlayer.types.scan import ScanReport
from qlayer.types.source import MAX_FILES, SourceTree, TreePath
from serve_apps.rest.capsules import CapsulePath
from serve_apps.rest.documentation import refused
from serve_apps.rest.parts import PartsOf

router = APIRouter()


class ScanRequest(Frozen):
    """Files that are to be looked at, as text."""

    files: dict[TreePath, str] = Field(min_length=1, max_length=MAX_FILES)
    profile: Profile = "fast"
    """`full` asks the slower tools too, and takes seconds."""

    @field_validator("files")
    @classmethod
    def _make_a_tree(cls, files: dict[TreePath, str]) -> dict[TreePath, str]:
        _tree(files)
        return files

    @property
    def tree(self) -> SourceTree:
        return _tree(self.files)


def _tree(files: Mapping[TreePath, str]) -> SourceTree:
    return SourceTree(files={path: text.encode() for path, text in files.items()})


@router.get("/capsules/{capsule}/scan", tags=["capsules"], responses=refused(404, 422, 503))
async def get_scan(capsule: CapsulePath, parts: PartsOf) -> ScanReport:
    """The scan that the capsule carries. 404 also for a capsule that was made without one."""
    found = await parts.platform.records.find_capsule(capsule)
    manifest, _ = await parts.platform.capsules.load(found.id)
    if manifest.scan is None:
        raise NotFoundError(
            f"capsule {found.id} was made without a scan", kind="scan", hint="send its files to POST /scan"
        )
    return manifest.scan


@router.post("/scan", tags=["validate"], responses=refused(400, 413, 422, 429, 503))
async def scan_files(body: ScanRequest, parts: PartsOf) -> ScanReport:
    """Secrets, weaknesses, advisories and licences, worst first. 429 while two scans are at work here."""
    return await parts.scans.scan(body.tree, body.profile)
