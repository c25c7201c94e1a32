"""Whether a capsule is what it says it is, step by step.

The steps share no code with what decided the level: they start from the manifest and the bytes alone. They
find damage and claims beyond the evidence; who wrote the manifest is not told before capsules are signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from qlayer.types.capsule import CapsuleManifest
from qlayer.types.check import BOOT, SMOKE, Level
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, Digest, digest_of
from qlayer.types.proof import SlotProof

_NO_BEHAVIOUR = (BOOT, SMOKE)
"""Checks that show a project alive but say nothing about what it was asked to do."""
_FUZZ_INPUTS = 50
_MUTANTS_NOTICED = 0.6
"""Both by the definition of the levels V3 and V4 (docs/decisions/0008-levels.md)."""
_SHOWN = 5


class Step(Frozen):
    """One numbered step. `detail` says what was looked at, or what is wrong."""

    number: int
    name: str
    ok: bool
    detail: str


class Verification(Frozen):
    """All steps that could be done. A step that fails early leaves the later ones undone, and `ok` false."""

    capsule: CapsuleId | None
    """None when there is no readable manifest to name it."""
    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        return bool(self.steps) and all(step.ok for step in self.steps)


class Finding(Frozen):
    """The result of a step before it has its number."""

    name: str
    problem: str | None = None
    detail: str = ""


def verification(capsule: CapsuleId | None, findings: Iterable[Finding]) -> Verification:
    return extended(Verification(capsule=capsule, steps=()), findings)


def extended(before: Verification, findings: Iterable[Finding]) -> Verification:
    """With further steps, numbered on."""
    steps = (
        Step(
            number=number,
            name=finding.name,
            ok=finding.problem is None,
            detail=finding.problem or finding.detail,
        )
        for number, finding in enumerate(findings, start=len(before.steps) + 1)
    )
    return before.model_copy(update={"steps": (*before.steps, *steps)})


def same_files(manifest: CapsuleManifest, found: Mapping[str, Digest | None]) -> Finding:
    """Every file that the manifest lists is there (`found` has its digest; None: missing) and unchanged."""
    missing = [path for path in manifest.files if found.get(path) is None]
    changed = [p for p, digest in manifest.files.items() if found.get(p) not in (None, digest)]
    problems = [f"missing: {_some(missing)}"] * bool(missing) + [f"changed: {_some(changed)}"] * bool(changed)
    return Finding(
        name="files",
        problem="; ".join(problems) or None,
        detail=f"all {len(manifest.files)} present and unchanged",
    )


def nothing_else(manifest: CapsuleManifest, paths: Iterable[str]) -> Finding:
    extra = sorted(set(paths) - set(manifest.files))
    problem = f"not in the manifest: {_some(extra)}" if extra else None
    return Finding(name="nothing else", problem=problem, detail="no other file lies beside them")


def claims(manifest: CapsuleManifest) -> Iterator[Finding]:
    """The steps that need nothing but the manifest: its digests, its level and its decision."""
    tree = digest_of(manifest.files)
    yield Finding(
        name="tree",
        problem=None
        if tree == manifest.tree
        else f"the files make {tree}, the manifest says {manifest.tree}",
        detail=manifest.tree,
    )
    spec = manifest.spec.digest
    yield Finding(
        name="spec",
        problem=None if spec == manifest.spec_digest else f"the spec is {spec}, not {manifest.spec_digest}",
        detail=manifest.spec_digest,
    )
    level = manifest.decision.level
    rests = f"{level} rests on the recorded evidence"
    yield Finding(name="level", problem=_overclaim(manifest), detail=rests)
    verdict = "allowed" if manifest.decision.allow else "not allowed"
    yield Finding(
        name="decision", problem=_wrong_permission(manifest), detail=f"{verdict}, as the checks say"
    )
    yield from _scan(manifest)


def _scan(manifest: CapsuleManifest) -> Iterator[Finding]:
    """None for a capsule that nobody scanned; whether that matters is for a policy to say."""
    if manifest.scan is None:
        return
    other = manifest.scan.tree != manifest.tree
    tools = len(manifest.scan.tools)
    yield Finding(
        name="scan",
        problem=f"it is about tree {manifest.scan.tree}" if other else None,
        detail=f"{tools} tools looked at this tree: {len(manifest.scan.findings)} findings",
    )


def completions(manifest: CapsuleManifest, present: Mapping[Digest, bool]) -> Finding:
    """The model's raw answers are all kept."""
    missing = [a.completion for a in manifest.attempts if not present.get(a.completion, False)]
    problem = f"{len(missing)} of {len(manifest.attempts)} are missing: {_some(missing)}" if missing else None
    return Finding(name="completions", problem=problem, detail=f"all {len(manifest.attempts)} are kept")


def _overclaim(manifest: CapsuleManifest) -> str | None:
    odd = [check.check for check in manifest.checks if check.ok and check.passed != check.total]
    if odd:
        return f"recorded as passed though not all of their cases did: {_some(odd)}"
    proved = _proved(manifest)
    claimed = manifest.decision.level
    if claimed is not None and claimed > proved:
        return f"the manifest says {claimed}, the recorded checks prove only {proved}"
    return None


def _proved(manifest: CapsuleManifest) -> Level:
    """The highest level that the evidence allows. That it parses is shown by whatever ran."""
    trusted = [check for check in manifest.checks if check.trusted]
    boots = [check.ok for check in trusted if check.check == BOOT]
    if not boots or not all(boots):
        return Level.V0
    if manifest.acceptance is not None and all(check.ok for check in trusted):
        return Level.V5
    behaviour = [check for check in trusted if check.check not in _NO_BEHAVIOUR and check.total > 0]
    if not behaviour or not all(check.ok for check in trusted):
        return Level.V1
    return min(map(_of_slot, manifest.proofs), default=Level.V2)


def _of_slot(proof: SlotProof) -> Level:
    """What the level's definition asks for at the least; the bars in force when it was made may be higher."""
    tried = proof.exhausted or proof.used >= _FUZZ_INPUTS
    if not tried or not any(share > 0 for share in proof.agreements):
        return Level.V2
    noticed = proof.mutants > 0 and proof.killed >= _MUTANTS_NOTICED * proof.mutants
    return Level.V4 if noticed else Level.V3


def _wrong_permission(manifest: CapsuleManifest) -> str | None:
    decision = manifest.decision
    if not decision.reasons:
        return "no reason is given"
    if not decision.allow:
        return None
    failed = [check.check for check in manifest.checks if check.trusted and not check.ok]
    if failed:
        return f"allowed although trusted checks failed: {_some(failed)}"
    enough = decision.level is not None and decision.level >= Level.V2
    return None if enough else f"allowed at level {decision.level}"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
