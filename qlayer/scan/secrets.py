"""Passwords, tokens and private keys in source, by detect-secrets in this process."""

from __future__ import annotations

import asyncio
import threading
from importlib import metadata

from qlayer.scan.base import Project
from qlayer.types.finding import Finding, Severity
from qlayer.types.source import TreePath

_GUESSES = frozenset({"Secret Keyword", "Base64 High Entropy String", "Hex High Entropy String"})
"""Detectors that look at names and randomness; the others know a provider's form."""
_LOCK_FILES = ("package-lock.json", "requirements.txt", ".lock")
"""Full of hashes, which look random because they are."""
_ONE_AT_A_TIME = threading.Lock()
"""Its settings are global to the process."""


class DetectSecrets:
    """The library's default detectors and filters; its ``allowlist`` comments are not obeyed."""

    name = "detect-secrets"

    def version(self) -> str | None:
        try:
            return metadata.version("detect-secrets")
        except metadata.PackageNotFoundError:
            return None

    def wants(self, path: TreePath) -> bool:
        return not path.endswith(_LOCK_FILES)

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        return await asyncio.to_thread(_found, project)


def _found(project: Project) -> tuple[Finding, ...]:
    from detect_secrets.core.secrets_collection import SecretsCollection
    from detect_secrets.settings import default_settings

    found: list[Finding] = []
    with _ONE_AT_A_TIME, default_settings() as settings:
        settings.disable_filters("detect_secrets.filters.allowlist.is_line_allowlisted")
        collection = SecretsCollection(root=str(project.folder))
        for path in project.paths:
            collection.scan_file(path)
        for path, secret in collection:
            found.append(_finding(path, secret.type, secret.line_number))
    return tuple(found)


def _finding(path: TreePath, kind: str, line: int) -> Finding:
    return Finding(
        tool=DetectSecrets.name,
        rule=kind,
        severity=Severity.MEDIUM if kind in _GUESSES else Severity.CRITICAL,
        message=f"this looks like a secret: {kind}",
        path=path,
        line=line or None,
        hint="revoke it if it is one, then read it from the environment or a secret store",
    )
