"""A family tried without a model: its sample boots bare, and passes everything with a person's code in it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from qlayer.generation.base import Template
from qlayer.generation.intake import parse_spec
from qlayer.generation.reference import filled
from qlayer.generation.templates import TEMPLATES, choose
from qlayer.generation.templates.manifest import Manifest, load_manifest
from qlayer.pipeline.attempts import run_in_order
from qlayer.sandbox.base import Sandbox
from qlayer.scan.base import Scanner
from qlayer.scan.run import scan
from qlayer.types.check import CheckResult
from qlayer.types.finding import Finding
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree


class DryRun(Frozen):
    """What came of trying one family."""

    family: str
    chosen: bool
    """Whether the sample, without a word of the template, is given to this family."""
    reason: str
    """Why the family that was chosen was."""
    slots: tuple[str, ...]
    boot: tuple[CheckResult, ...]
    """Of the bare project."""
    tests: tuple[CheckResult, ...]
    """Of the project with the reference in its slots."""
    files: int
    linted: tuple[str, ...]
    """Tools that looked at the files."""
    not_linted: tuple[str, ...]
    """Why a tool that wanted files did not look at them."""
    findings: tuple[Finding, ...]
    skipped: tuple[str, ...] = ()
    """What was not tried, each with the reason."""
    seconds: float

    @property
    def ok(self) -> bool:
        return self.chosen and not self.findings and all(check.ok for check in (*self.boot, *self.tests))


async def dry_run(
    template: Template, sandbox: Sandbox, linters: Sequence[Scanner], *, missing: Sequence[str] = ()
) -> DryRun:
    """Try a family with its own sample. Raises `ConfigurationError`, `InputError`, `SandboxError`.

    `missing` says which tools this host lacks for it: then its checks are skipped, with that reason.
    """
    began = time.monotonic()
    manifest = load_manifest(template.folder)
    more = () if template.name in TEMPLATES else (template,)
    chosen, reason = choose(parse_spec(manifest.sample), more)
    skeleton = template.instantiate(parse_spec(manifest.sample, template=template.name))
    bare, whole = ((), ()) if missing else (skeleton.boot, (*skeleton.boot, *skeleton.final))
    boot = await run_in_order(bare, skeleton.tree, sandbox)
    tree = filled(skeleton, manifest.reference)
    tests = await run_in_order(whole, tree, sandbox)
    linted = await scan(tree, linters)
    looked = [tool for tool in linted.tools if tool.files]
    return DryRun(
        family=template.name,
        chosen=chosen.name == template.name,
        reason=reason,
        slots=tuple(slot.name for slot in skeleton.slots),
        boot=boot,
        tests=tests[len(bare) :],
        files=len(tree.files),
        linted=tuple(tool.tool for tool in looked if tool.problem is None),
        not_linted=tuple(f"{tool.tool}: {tool.problem}" for tool in looked if tool.problem is not None),
        findings=linted.findings,
        skipped=(*missing, *manifest.unchecked),
        seconds=round(time.monotonic() - began, 3),
    )


def sample_project(template: Template) -> tuple[Manifest, SourceTree]:
    """A family's manifest, and the bare project of its sample. Raises `ConfigurationError`."""
    manifest = load_manifest(template.folder)
    return manifest, template.instantiate(parse_spec(manifest.sample, template=template.name)).tree
