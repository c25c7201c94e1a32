"""Names and files as a program or an uploader would forge them, first let in by a module that lacks the rule.

The rules are found in the source: a new refusal without a bait fails here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
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
RACE = "nothing of a run is alive when its files are read: it needs somebody who writes meanwhile"
WITHOUT_A_BAIT = {
    "(now.st_dev, now.st_ino, now.st_size) != (seen.st_dev, seen.st_ino, seen.st_size)": RACE,
    "left": RACE,
    "len(found) > self._limits.files": "redundant: each file taken is counted too; this stops sooner",
}
"""Refusals that no bait shows, and why."""


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


@pytest.mark.parametrize("rule", [rule for rule in COLLECTION if rule not in WITHOUT_A_BAIT])
def test_each_rule_for_outputs_keeps_a_forged_file_in(left: int, rule: str) -> None:
    mutant = without(collect, "_Refused", rule)
    assert [asked for asked in ASKED if comes_back(mutant, left, asked)], "no bait for this rule"
    assert not [asked for asked in ASKED if comes_back(collect, left, asked)]


def test_links_to_the_host_bring_nothing_back(left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = parse(["link/secret"])
    assert collect.collect(left, asked).files == ()
    monkeypatch.setattr(beneath, "_RESOLVE", 0)
    assert [file.data for file in collect.collect(left, asked).files] == [b"secret"]
