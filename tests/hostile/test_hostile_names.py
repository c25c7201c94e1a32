"""Names and files as a program or an uploader would forge them, first let in by a module that lacks the rule.

The rules are found in the source: a new refusal without a bait fails here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hostile_mutants import refusals, without
from pydantic import ValidationError

from qlayer.sandbox.files import beneath, collect
from qlayer.sandbox.files.patterns import parse
from qlayer.types import source

LARGE = bytes(source.MAX_FILE_BYTES)
TREES: dict[str, dict[str, bytes]] = {
    "a name too long": {"a/" * 300 + "b": b""},
    "a part too long": {"a" * 256: b""},
    "two lines": {"a\nb": b""},
    "a way up": {"../a": b""},
    "a device of Windows": {"aux.c": b""},
    "a large file": {"a": LARGE + b"1"},
    "a large tree": {str(n): LARGE for n in range(9)},
    "many files": {str(n): b"" for n in range(source.MAX_FILES + 1)},
    "one name twice": {"a": b"", "A": b""},
    "below a file": {"a": b"", "a/b": b""},
}
RULES = refusals(source, "_refusal")
COLLECTION = refusals(collect, "_Refused")
CHANGED = "(now.st_dev, now.st_ino, now.st_size) != (seen.st_dev, seen.st_ino, seen.st_size)"
SHRUNK = "left"
MANY_GLOBBED, MANY_TAKEN = "len(found) > self._limits.files", "len(self._files) == self._limits.files"
BY_THEMSELVES = {CHANGED, SHRUNK, MANY_GLOBBED}
"""Refusals with a test of their own below."""


def enters(module: ModuleType, files: dict[str, bytes]) -> bool:
    try:
        module.SourceTree(files=files)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_for_names_keeps_a_forged_tree_out(rule: str) -> None:
    mutant = without(source, "_refusal", rule)
    assert [name for name, files in TREES.items() if enters(mutant, files)], "no bait for this rule"
    assert not [name for name, files in TREES.items() if enters(source, files)]


@pytest.fixture
def left(tmp_path: Path) -> Iterator[int]:
    """What a hostile run left behind."""
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "secret").write_text("secret")
    work = tmp_path / "work"
    work.mkdir()
    os.mkfifo(work / "pipe")
    (work / "one").write_text("1")
    os.link(work / "one", work / "two")
    (work / "large").write_bytes(bytes(50))
    for name in ("many", "total"):
        (work / name).mkdir()
        for number in range(4):
            (work / name / str(number)).write_bytes(bytes(30 if name == "total" else 1))
    (work / "link").symlink_to(tmp_path / "host")
    (work / Path(*["deep"] * (collect.MAX_DEPTH + 2))).mkdir(parents=True)
    (work / Path(*["deep"] * (collect.MAX_DEPTH + 2)) / "file").write_text("")
    folder = os.open(work, os.O_PATH | os.O_DIRECTORY)
    yield folder
    os.close(folder)


LIMITS = collect.OutputLimits(files=3, file_bytes=40, total_bytes=100, entries=1_000)
ASKED: dict[str, tuple[tuple[str, ...], collect.OutputLimits]] = {
    "a pipe": (("pipe",), LIMITS),
    "a file with two names": (("one",), LIMITS),
    "a large file": (("large",), LIMITS),
    "many files": (tuple(f"many/{number}" for number in range(4)), LIMITS),
    "many bytes": (("total/*",), LIMITS._replace(files=20)),
    "folders too deep": (("**/file",), LIMITS),
    # One name more than may be looked at lies in the uppermost folder.
    "many names": (("man[y]/0",), LIMITS._replace(entries=7)),
}


def comes_back(module: ModuleType, folder: int, bait: str) -> bool:
    asked, limits = ASKED[bait]
    return module.collect(folder, parse(asked), limits).fault is None


@pytest.mark.parametrize("rule", [rule for rule in COLLECTION if rule not in BY_THEMSELVES])
def test_each_rule_for_outputs_keeps_a_forged_file_in(left: int, rule: str) -> None:
    mutant = without(collect, "_Refused", rule)
    assert [asked for asked in ASKED if comes_back(mutant, left, asked)], "no bait for this rule"
    assert not [asked for asked in ASKED if comes_back(collect, left, asked)]


def test_links_to_the_host_bring_nothing_back(left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = parse(["link/secret"])
    assert collect.collect(left, asked).files == ()
    monkeypatch.setattr(beneath, "_RESOLVE", 0)
    assert [file.data for file in collect.collect(left, asked).files] == [b"secret"]


def test_many_files_of_a_glob_are_refused_twice(left: int) -> None:
    """Either of two rules is enough; the first also stops before they are read."""
    asked = parse(["many/[0-3]"])
    for off, refused in (((MANY_GLOBBED, MANY_TAKEN), False), ((MANY_GLOBBED,), True), ((MANY_TAKEN,), True)):
        found = without(collect, "_Refused", *off).collect(left, asked, LIMITS)
        assert (found.fault is not None) == refused, off


def swap(module: ModuleType, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody puts another file in the place between the look and the reading."""
    usual = beneath.open_beneath

    def late(folder: int, path: str, flags: int) -> int:
        if flags & os.O_NONBLOCK:
            (work / "new").write_text("another")
            os.rename(work / "new", work / path)
        return usual(folder, path, flags)

    monkeypatch.setattr(module, "open_beneath", late)


def shrink(module: ModuleType, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody cuts the file off between the last look and the reading."""
    usual = module._all_of

    def late(fd: int, path: str, size: int) -> bytes:
        os.truncate(work / path, 1)
        return bytes(usual(fd, path, size))

    monkeypatch.setattr(module, "_all_of", late)


@pytest.mark.parametrize(("rule", "writer"), [(CHANGED, swap), (SHRUNK, shrink)])
def test_a_file_that_changes_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, writer: Callable[..., None]
) -> None:
    """Nothing of a run should be alive by then; this is the second line."""
    for module, taken in ((without(collect, "_Refused", rule), True), (collect, False)):
        (tmp_path / "file").write_text("seen first")
        writer(module, tmp_path, monkeypatch)
        folder = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
        found = module.collect(folder, parse(["file"]))
        os.close(folder)
        assert (found.fault is None) == taken, found
