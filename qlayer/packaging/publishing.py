"""Publishing capsules under a name: the version, the notes, and which version is in use.

A version is recorded before the pointer moves to it; killed in between, publishing again only moves the
pointer. Rolling back moves it to an older version and removes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from qlayer.errors import InputError, NotFoundError, PolicyDenied
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.diff import CapsuleDiff, Change
from qlayer.packaging.versions import Content, VersionChoice, check_version, choose_version
from qlayer.store.base import Releases
from qlayer.types.capsule import CapsuleManifest
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId
from qlayer.types.policy import PolicyDecision
from qlayer.types.release import CURRENT, PointerMove, PointerName, Release, ReleaseName

_NAME: TypeAdapter[str] = TypeAdapter(ReleaseName)
_POINTER: TypeAdapter[str] = TypeAdapter(PointerName)


class Published(Frozen):
    """A name with all that was published under it."""

    releases: tuple[Release, ...]
    """Newest first; at least one."""
    pointers: dict[str, str]
    """Pointer -> version, ``current`` among them."""
    moves: tuple[PointerMove, ...]
    """Newest first."""

    @property
    def current(self) -> Release:
        return next(one for one in self.releases if one.version == self.pointers[CURRENT])


@dataclass(frozen=True)
class Gate:
    """The release policy, as far as pointers need it."""

    environments: tuple[str, ...]
    decide: Callable[[CapsuleId, str], Awaitable[PolicyDecision]]
    """Whether a capsule may be released to an environment."""


class Publishing:
    """Names, versions and pointers over stored capsules. All raise `StoreError`."""

    def __init__(
        self, capsules: Capsules, releases: Releases, now: Callable[[], datetime], gate: Gate | None = None
    ) -> None:
        """`gate` is asked before a pointer named after an environment moves; None: there are none."""
        self._capsules = capsules
        self._releases = releases
        self._now = now
        self._gate = gate

    async def publish(
        self, capsule: CapsuleId, name: str, who: str, *, version: str | None = None
    ) -> Release:
        """Publish a capsule as the next version of `name`, and point ``current`` to it.

        Without `version` it is decided from the difference to the newest one. Publishing the newest
        version's capsule again changes nothing. Raises `InputError`, `NotFoundError`, `ConflictError`.
        """
        _checked(_NAME, name, "name")
        history = await self._releases.history(name)
        previous = history[0] if history else None
        if previous is not None and previous.capsule == capsule and version in (None, previous.version):
            await self._point(name, CURRENT, previous.version, who, "published again")
            return previous
        release = await self._next(capsule, name, who, previous, version)
        await self._releases.publish(release)
        await self._point(name, CURRENT, release.version, who, "published")
        return release

    async def _next(
        self, capsule: CapsuleId, name: str, who: str, previous: Release | None, version: str | None
    ) -> Release:
        manifest, tree = await self._capsules.load(capsule)
        before, difference = None, None
        if previous is not None:
            old, old_tree = await self._capsules.load(previous.capsule)
            before = Content(spec=old.spec, tree=old_tree)
            difference = await self._capsules.diff(previous.capsule, capsule)
        choice = choose_version(previous, before, Content(spec=manifest.spec, tree=tree))
        if version is not None:
            choice = choice.model_copy(update={"version": check_version(version, previous)})
        return Release(
            name=name,
            version=choice.version,
            capsule=capsule,
            at=self._now(),
            who=who,
            change=choice.change,
            reasons=choice.reasons,
            previous=previous.version if previous is not None else None,
            notes=release_notes(manifest, choice, difference),
        )

    async def published(self, name: str) -> Published:
        """Raises `NotFoundError` for a name under which nothing was published."""
        history = await self._releases.history(name)
        if not history:
            raise NotFoundError(f"nothing was published as {name}", kind="release", hint="qlayer release ls")
        moves = await self._releases.moves(name)
        pointers = {move.pointer: move.version for move in reversed(moves)}
        return Published(releases=history, pointers={CURRENT: history[0].version, **pointers}, moves=moves)

    async def find(self, reference: str) -> Release:
        """``NAME``, ``NAME@VERSION`` or ``NAME@POINTER``. Raises `NotFoundError`."""
        name, _, wanted = reference.partition("@")
        known = await self.published(name)
        version = known.pointers.get(wanted or CURRENT, wanted)
        found = next((one for one in known.releases if one.version == version), None)
        if found is None:
            raise NotFoundError(
                f"{name} has no version or tag {wanted}", kind="release", hint=f"qlayer release show {name}"
            )
        return found

    async def roll_back(self, name: str, who: str, reason: str, *, to: str | None = None) -> Release:
        """Point ``current`` to an older version; None: to the one before it. Raises `NotFoundError`."""
        known = await self.published(name)
        versions = [release.version for release in known.releases]
        older = versions[versions.index(known.current.version) + 1 :]
        if to is None and not older:
            raise NotFoundError(
                f"there is no version of {name} before {known.current.version}", kind="release"
            )
        return await self.tag(name, CURRENT, to or older[0], who, reason)

    async def tag(self, name: str, pointer: str, version: str, who: str, reason: str = "") -> Release:
        """Point a tag to a version. One named after an environment of the policy moves when that allows it.

        Raises `InputError`, `NotFoundError`, `PolicyDenied`.
        """
        _checked(_POINTER, pointer, "tag")
        await self._point(name, pointer, version, who, reason)
        return await self.find(f"{name}@{version}")

    async def _point(self, name: str, pointer: str, version: str, who: str, reason: str) -> None:
        moves = await self._releases.moves(name)
        now_at = next((move.version for move in moves if move.pointer == pointer), None)
        if now_at == version:
            return
        decision = await self._asked(name, pointer, version)
        await self._releases.point(
            PointerMove(
                name=name,
                pointer=pointer,
                version=version,
                at=self._now(),
                who=who,
                reason=reason,
                decision=decision,
            )
        )

    async def _asked(self, name: str, pointer: str, version: str) -> PolicyDecision | None:
        """What the policy says of this version there. Raises `PolicyDenied`."""
        if self._gate is None or pointer not in self._gate.environments:
            return None
        release = next((one for one in await self._releases.history(name) if one.version == version), None)
        if release is None:
            return None  # the store refuses to point to it
        decision = await self._gate.decide(release.capsule, pointer)
        if not decision.allow:
            raise PolicyDenied(
                f"{release} is not allowed for {pointer}: {'; '.join(decision.reasons)}",
                hint=f"qlayer policy explain {release.capsule[7:19]} --env {pointer}",
            )
        return decision


def release_notes(manifest: CapsuleManifest, choice: VersionChoice, difference: CapsuleDiff | None) -> str:
    """Markdown for people: what changed for users first, then the evidence, then the files. Pure."""
    return "\n".join(_notes(manifest, choice, difference)) + "\n"


def _notes(manifest: CapsuleManifest, choice: VersionChoice, difference: CapsuleDiff | None) -> Iterator[str]:
    yield f"# {manifest.title} {choice.version}"
    yield ""
    yield from (f"- {reason}" for reason in choice.reasons)
    yield ""
    yield f"Level {manifest.decision.level or 'none'}: {'; '.join(manifest.decision.reasons)}"
    if difference is None:
        return
    if difference.evidence:
        yield ""
        yield from (f"- {fact.name}: {fact.before} -> {fact.after}" for fact in difference.evidence)
    counts = {change: sum(file.change is change for file in difference.files) for change in Change}
    told = ", ".join(f"{count} {change}" for change, count in counts.items() if count)
    yield ""
    yield f"Files: {told or 'none changed'}."


def _checked(kind: TypeAdapter[str], text: str, field: str) -> None:
    try:
        kind.validate_python(text)
    except ValidationError:
        raise InputError(
            f"{text!r} is no {field}",
            field=field,
            limit="1 to 63 lower-case letters, digits and '-', no '-' at either end",
        ) from None
