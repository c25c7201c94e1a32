"""What differs between two capsules: their files, and the evidence about them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from enum import StrEnum

from qlayer.types.capsule import CapsuleManifest
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId
from qlayer.types.source import SourceTree, TreePath


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class FileChange(Frozen):
    path: TreePath
    change: Change
    diff: str | None
    """Unified diff; None when a side is not UTF-8 text."""


class EvidenceChange(Frozen):
    """A fact that differs, as text."""

    name: str
    before: str
    after: str


class CapsuleDiff(Frozen):
    before: CapsuleId
    after: CapsuleId
    files: tuple[FileChange, ...]
    """Sorted by path."""
    evidence: tuple[EvidenceChange, ...]


def compare(
    before: tuple[CapsuleManifest, SourceTree], after: tuple[CapsuleManifest, SourceTree]
) -> CapsuleDiff:
    """From one capsule to another. The same capsule twice gives an empty difference."""
    (old, old_tree), (new, new_tree) = before, after
    was, now = _facts(old), _facts(new)
    return CapsuleDiff(
        before=old.id,
        after=new.id,
        files=tuple(_file_changes(old_tree, new_tree)),
        evidence=tuple(
            EvidenceChange(name=name, before=was.get(name, "none"), after=now.get(name, "none"))
            for name in {**was, **now}
            if was.get(name) != now.get(name)
        ),
    )


def _file_changes(old: SourceTree, new: SourceTree) -> Iterator[FileChange]:
    for path in sorted({*old.paths(), *new.paths()}):
        was, now = old.files.get(path), new.files.get(path)
        if was == now:
            continue
        change = Change.ADDED if was is None else Change.REMOVED if now is None else Change.CHANGED
        yield FileChange(path=path, change=change, diff=_unified(path, was, now))


def _unified(path: str, was: bytes | None, now: bytes | None) -> str | None:
    try:
        old, new = _lines((was or b"").decode()), _lines((now or b"").decode())
    except UnicodeDecodeError:
        return None
    old_name = "/dev/null" if was is None else f"a/{path}"
    new_name = "/dev/null" if now is None else f"b/{path}"
    return "\n".join(difflib.unified_diff(old, new, old_name, new_name, lineterm=""))


def _lines(text: str) -> list[str]:
    """Lines as ``diff`` sees them: a last one that does not end says so."""
    *whole, rest = text.split("\n")
    return [*whole, f"{rest}\n\\ No newline at end of file"] if rest else whole


def _facts(manifest: CapsuleManifest) -> dict[str, str]:
    facts = {
        "title": manifest.title,
        "spec": manifest.spec_digest,
        "template": manifest.template,
        "model": f"{manifest.model.id} {manifest.model.revision}",
        "weights": str(manifest.model.digest or "unknown"),
        "level": str(manifest.decision.level or "none"),
        "allowed": "yes" if manifest.decision.allow else "no",
        "attempts": str(len(manifest.attempts)),
        "generated tokens": str(manifest.usage.completion_tokens),
        "prompt tokens": str(manifest.usage.prompt_tokens),
        "seconds": f"{manifest.seconds:g}",
        "qlayer": manifest.qlayer_version,
    }
    checks = {f"check {c.check}": f"{c.verdict.outcome} {c.passed}/{c.total}" for c in manifest.checks}
    stops = {f"stopped {slot}": reason for slot, reason in manifest.stop_reasons.items()}
    return {**facts, **checks, **stops}
