"""Passwords, tokens and private keys in source, by detect-secrets in this process."""

from __future__ import annotations

import asyncio
import re
import threading
from importlib import metadata

from qlayer.scan.base import INSTALL, Project, ScannerBroken
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import Digest, digest_of
from qlayer.types.source import TreePath

_GUESSES = frozenset({"Secret Keyword", "Base64 High Entropy String", "Hex High Entropy String"})
"""Detectors that look at names and randomness; the others know a provider's form."""
_FULL_OF_HASHES = ("package-lock.json", "requirements.txt", ".lock", ".svg")
"""They look random because they are: only a provider's form counts in them."""
_LOOKS_AWAY = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_lock_file",
    "detect_secrets.filters.heuristic.is_non_text_file",  # by the file's name, and .lock counts as no text
    "detect_secrets.filters.heuristic.is_swagger_file",
)
"""The library's filters that a project could hide a secret behind."""
_VERSION = re.compile(r"\d+(\.\d+){1,3}(\s|$)")
"""What stands behind ``detect-secrets==`` and the like is no secret."""
_ONE_AT_A_TIME = threading.Lock()
"""Its settings are global to the process."""


class DetectSecrets:
    """The library's default detectors, without the filters that a project decides about."""

    name = "detect-secrets"

    def version(self) -> str | None:
        try:
            return metadata.version("detect-secrets")
        except metadata.PackageNotFoundError:
            return None

    def rules(self) -> Digest:
        return digest_of(
            ["default", "without", _LOOKS_AWAY, "no guesses in", _FULL_OF_HASHES, _VERSION.pattern]
        )

    def wants(self, path: TreePath) -> bool:
        return True

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        return await asyncio.to_thread(_found, project)


def _found(project: Project) -> tuple[Finding, ...]:
    try:
        from detect_secrets.core.secrets_collection import SecretsCollection
        from detect_secrets.settings import default_settings
    except ModuleNotFoundError:
        raise ScannerBroken("detect-secrets is not installed", hint=INSTALL) from None

    found: list[Finding] = []
    with _ONE_AT_A_TIME, default_settings() as settings:
        settings.disable_filters(*_LOOKS_AWAY)
        collection = SecretsCollection(root=str(project.folder))
        for path in project.paths:
            collection.scan_file(path)
        for path, secret in collection:
            guess = secret.type in _GUESSES
            if not (guess and (path.endswith(_FULL_OF_HASHES) or _VERSION.match(secret.secret_value or ""))):
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
