"""Jobs of other languages as runs of a zygote for tools: first a build, then the program. Plans only."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TypeGuard

from qlayer.sandbox.base import InteractiveJob, Limits, ProgramJob
from qlayer.sandbox.files.patterns import parse
from qlayer.sandbox.runtimes import Toolchain
from qlayer.sandbox.runtimes.command import command, environment
from qlayer.sandbox.warm.plan import Kind, Plan, Rejected
from qlayer.sandbox.zygote.job import Job
from qlayer.types.ids import Digest, digest_of
from qlayer.types.language import Language
from qlayer.types.source import SourceTree

Artefacts = Mapping[str, bytes]
"""By path below the folder that the build was told to fill."""
_FOLDER = "qlayer-build"
"""In the working directory while it is built; a run finds it beside, where no glob of outputs looks."""
_AT_RUN = "/tmp/build"
_BUILD_SCHEMA = 1
"""Part of every key: raise it when the meaning of an artefact changes."""


def is_for_tools(job: object) -> TypeGuard[ProgramJob | InteractiveJob]:
    """Whether a job needs more than a warm interpreter."""
    if isinstance(job, InteractiveJob):
        return True
    return isinstance(job, ProgramJob) and job.language is not Language.PYTHON


def check(tree: SourceTree, path: str) -> None:
    """Raises `Rejected`."""
    if path not in tree:
        raise Rejected(f"path: {path} is not in the tree")
    if any(each.split("/")[0] == _FOLDER for each in tree.paths()):
        raise Rejected(f"tree: {_FOLDER}/ is the platform's own folder")


def build_plan(toolchain: Toolchain, tree: SourceTree, path: str) -> Plan | None:
    """None for a language that is run as it is."""
    build = toolchain.runtime.build
    if build is None:
        return None
    given = {name: text.encode() for name, text in build.extra_files if name not in tree}
    words = command(
        build.argv, toolchain, tree, path, build=_FOLDER, limits=build.limits, suffixes=build.suffixes
    )
    body = _body(words, environment(toolchain, build.limits), folders=[_FOLDER])
    return Plan(
        Kind.TOOLS,
        Job("exec", secrets.token_hex(16), body, {**tree.files, **given}),
        outputs=parse((f"{_FOLDER}/**",)) if build.artefacts else (),
    )


def build_key(toolchain: Toolchain, plan: Plan) -> Digest:
    """Names what a build would make: its sources, its words, its environment, the compiler's version."""
    return digest_of(
        {
            "schema": _BUILD_SCHEMA,
            "sources": SourceTree(files=plan.job.files).digest,
            "argv": plan.job.body["argv"],
            "environment": plan.job.body["environment"],
            "version": toolchain.version,
        }
    )


def run_plan(toolchain: Toolchain, job: ProgramJob, artefacts: Artefacts, limits: Limits) -> Plan:
    """The program itself, with what its build made."""
    started = _started(toolchain, job.tree, job.path, artefacts, limits, at=_AT_RUN, argv=job.argv)
    try:
        outputs = parse(job.outputs)
    except ValueError as error:
        raise Rejected(f"outputs: {error}") from None
    return Plan(Kind.TOOLS, started, stdin=job.stdin, outputs=outputs)


def pair_plan(
    program: tuple[Toolchain, Artefacts],
    interactor: tuple[Toolchain, Artefacts],
    job: InteractiveJob,
    limits: Limits,
) -> Plan:
    """Both programs; the interactor is the tester of split mode, at a place whose name cannot be guessed."""
    first = _started(program[0], job.tree, job.path, program[1], limits, at=_AT_RUN)
    hidden = f"/tmp/{secrets.token_hex(16)}"
    second = _started(
        interactor[0], job.interactor, job.interactor_path, interactor[1], limits, at=f"{hidden}/build"
    )
    second.body["hidden"] = hidden
    return Plan(Kind.TOOLS, first, tester=second, interactive=True)


def _started(
    toolchain: Toolchain,
    tree: SourceTree,
    path: str,
    artefacts: Artefacts,
    limits: Limits,
    *,
    at: str,
    argv: tuple[str, ...] = (),
) -> Job:
    words = command(toolchain.runtime.run, toolchain, tree, path, build=at, limits=limits)
    files = {**tree.files, **{f"{_FOLDER}/{name}": data for name, data in artefacts.items()}}
    body = _body([*words, *argv], environment(toolchain, limits))
    if artefacts:
        body["moves"] = [[_FOLDER, at]]
    if words[0] == f"{at}/program" or words[0] == f"./{path}":
        body["executables"] = [words[0]]
    return Job("exec", secrets.token_hex(16), body, files)


def _body(argv: list[str], environ: dict[str, str], folders: list[str] | None = None) -> dict[str, object]:
    return {
        "argv": argv,
        "environment": environ,
        "folders": folders or [],
        "moves": [],
        "executables": [],
    }
