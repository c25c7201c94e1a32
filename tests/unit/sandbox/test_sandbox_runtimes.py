"""Filling in commands, and keeping artefacts: pure, and on disk."""

from __future__ import annotations

from pathlib import Path

from qlayer.sandbox.base import Limits, MiB
from qlayer.sandbox.runtimes import RUNTIMES, Toolchain
from qlayer.sandbox.runtimes.command import command, environment
from qlayer.sandbox.warm.artefacts import ArtefactCache
from qlayer.sandbox.warm.tools import build_key, build_plan
from qlayer.types.ids import sha256
from qlayer.types.language import Language
from qlayer.types.source import SourceTree

LIMITS = Limits(memory_bytes=64 * MiB)
ONE, OTHER = sha256(b"one"), sha256(b"other")


def chain(language: Language, version: str = "1") -> Toolchain:
    return Toolchain(runtime=RUNTIMES[language], version=version, executable="/usr/bin/tool")


def test_every_language_has_a_runtime() -> None:
    assert set(RUNTIMES) == set(Language)


def test_a_java_class_is_named_with_its_package_and_the_heap_by_the_limit() -> None:
    tree = SourceTree().with_files({"a/Main.java": "package a;\nclass Main {}\n"})
    java = chain(Language.JAVA)
    words = command(java.runtime.run, java, tree, "a/Main.java", build="/tmp/build", limits=LIMITS)
    assert words[-1] == "a.Main"
    assert "-Xmx64m" in words
    assert environment(java, LIMITS)["LD_LIBRARY_PATH"] == "/usr/lib"


def test_a_source_cannot_pass_for_an_option() -> None:
    tree = SourceTree().with_files({"-o.c": "", "@words.c": ""})
    plan = build_plan(chain(Language.C), tree, "-o.c")
    assert plan is not None
    assert {"./-o.c", "./@words.c"} <= set(plan.job.body["argv"])


def test_a_build_is_named_by_sources_and_version() -> None:
    def key(text: str, version: str) -> str:
        toolchain = chain(Language.C, version)
        plan = build_plan(toolchain, SourceTree().with_files({"main.c": text}), "main.c")
        assert plan is not None
        return build_key(toolchain, plan)

    assert key("1", "a") == key("1", "a")
    assert len({key("1", "a"), key("2", "a"), key("1", "b")}) == 3


def test_artefacts_come_back_whole_or_not_at_all(tmp_path: Path) -> None:
    cache = ArtefactCache(tmp_path / "kept", 10_000)
    assert cache.get(ONE) is None
    cache.put(ONE, {"program": b"\x7fELF", "a/b": b""})
    assert cache.get(ONE) == {"program": b"\x7fELF", "a/b": b""}
    [entry] = (tmp_path / "kept").iterdir()
    entry.write_bytes(entry.read_bytes()[:-1])
    assert cache.get(ONE) is None


def test_the_least_recently_used_artefacts_go_first(tmp_path: Path) -> None:
    cache = ArtefactCache(tmp_path, 1_500)
    cache.put(ONE, {"program": b"1" * 1_000})
    cache.put(OTHER, {"program": b"2" * 1_000})
    assert cache.get(ONE) is None
    assert cache.get(OTHER) is not None
    cache.put(ONE, {"program": b"3" * 2_000})
    assert cache.get(ONE) is None, "larger than the whole cache"
