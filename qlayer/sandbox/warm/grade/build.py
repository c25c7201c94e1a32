"""A build step: the compiler's exit status, which the kernel keeps, and what it left."""

from __future__ import annotations

from qlayer.sandbox.warm.grade import findings as f
from qlayer.sandbox.warm.grade.findings import Finding
from qlayer.sandbox.warm.observation import Forged, Observation
from qlayer.types.verdict import Outcome, Phase

_SIGNS = (b"error", b"Error", b"fatal")


def grade(nonce: str, seen: Observation, *, artefacts: bool) -> list[Finding]:
    """Everything that is wrong with the build; nothing when it is good."""
    try:
        kinds = [line["kind"] for line in seen.lines(seen.report, nonce)]
    except Forged as error:
        return [f.tampering(str(error))]
    found = [*f.limits_hit(seen, compiling=True), *f.how_it_ended(seen)]
    if found:
        return [_while_compiling(finding) for finding in found]
    if "compiled" not in kinds:
        return [f.broken("the build could not be set up")]
    if seen.exit_status != 0:
        return [_error(f"it does not compile: {_message(seen)}")]
    fault = seen.collected.fault
    if artefacts and fault is not None:
        return [_error(f"its build left nothing that can be kept: {fault.cause}")]
    return []


def _while_compiling(finding: Finding) -> Finding:
    if finding.outcome is Outcome.SIGNALLED:
        return _error(f"the compiler ended by a signal: {finding.cause}")
    return finding._replace(phase=Phase.COMPILE)


def _error(cause: str) -> Finding:
    return Finding(Outcome.COMPILE_ERROR, cause[:400], phase=Phase.COMPILE)


def _message(seen: Observation) -> str:
    """The first line that names an error, else the first line at all."""
    lines = [line.strip() for line in (seen.stderr + seen.stdout).splitlines() if line.strip()]
    first = next((line for line in lines if any(sign in line for sign in _SIGNS)), lines[0] if lines else b"")
    return first.decode("utf-8", "replace") or f"exit status {seen.exit_status}"
