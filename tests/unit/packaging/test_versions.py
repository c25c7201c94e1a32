"""Semantic versions from what changed for those who use a capsule."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qlayer.errors import ConflictError, InputError
from qlayer.packaging.versions import Content, check_version, choose_version
from qlayer.types.ids import CapsuleId
from qlayer.types.release import ChangeKind, Release
from qlayer.types.source import SourceTree
from qlayer.types.spec import Route, Spec

BEFORE = "def add(a: int, b: int = 0) -> int:\n    return a + b\n\n\ndef _inner(): ...\n"


def content(code: str, *routes: tuple[str, str], tests: str = "") -> Content:
    listed = tuple(Route(method=method, path=path) for method, path in routes)  # type: ignore[arg-type]
    files = {"src/calc/core.py": code.encode(), "tests/test_core.py": tests.encode()}
    return Content(spec=Spec(title="t", description="d", routes=listed), tree=SourceTree(files=files))


def release(version: str) -> Release:
    return Release(
        name="calc",
        version=version,
        capsule=CapsuleId("sha256:" + "0" * 64),
        at=datetime(2026, 1, 2, tzinfo=UTC),
        who="ada",
        change=ChangeKind.FIRST,
    )


def test_the_first_version() -> None:
    chosen = choose_version(None, None, content(BEFORE))
    assert (chosen.version, chosen.change) == ("0.1.0", ChangeKind.FIRST)


@pytest.mark.parametrize(
    ("after", "stable", "unstable", "change", "reason"),
    [
        (BEFORE.replace("a + b", "b + a"), "1.2.4", "0.2.4", ChangeKind.FIX, "src/calc/core.py changed"),
        (BEFORE + "def sub(a, b): ...\n", "1.3.0", "0.2.4", ChangeKind.FEATURE, "calc.core.sub is new"),
        (BEFORE.replace("_inner", "_other"), "1.2.4", "0.2.4", ChangeKind.FIX, "src/calc/core.py changed"),
        (BEFORE.replace("add", "plus"), "2.0.0", "0.3.0", ChangeKind.API, "calc.core.add"),
        (BEFORE.replace("b: int = 0", "b: int"), "2.0.0", "0.3.0", ChangeKind.API, "calc.core.add"),
        (BEFORE.replace("a: int,", "a: int, c: int,"), "2.0.0", "0.3.0", ChangeKind.API, "calc.core.add"),
    ],
)
def test_what_callers_see_decides(
    after: str, stable: str, unstable: str, change: ChangeKind, reason: str
) -> None:
    for before, wanted in (("1.2.3", stable), ("0.2.3", unstable)):
        chosen = choose_version(release(before), content(BEFORE), content(after))
        assert (chosen.version, chosen.change) == (wanted, change)
        assert reason in chosen.reasons[0]


def test_routes_are_promises_and_tests_are_not() -> None:
    before = content(BEFORE, ("GET", "/a"), ("GET", "/b"))
    gone = choose_version(release("1.0.0"), before, content(BEFORE + "\n", ("GET", "/a")))
    assert (gone.version, gone.reasons) == ("2.0.0", ("GET /b is gone",))
    more = content(BEFORE + "\n", ("GET", "/a"), ("GET", "/b"), ("POST", "/a"))
    assert choose_version(release("1.0.0"), before, more).reasons == ("POST /a is new",)
    tested = content(BEFORE, tests="def test_new(): ...\n")
    assert choose_version(release("1.0.0"), content(BEFORE), tested).change is ChangeKind.FIX


def test_the_same_project_again_is_no_version() -> None:
    with pytest.raises(ConflictError, match=r"nothing changed since calc 1\.0\.0"):
        choose_version(release("1.0.0"), content(BEFORE), content(BEFORE))


def test_a_version_that_a_person_chose_goes_up() -> None:
    assert check_version("2.0.0-rc.1", release("1.9.0")) == "2.0.0-rc.1"
    for wanted in ("1.9.0", "1.8.9", "1.9.0-rc.1", "v2", "2.0", ""):
        with pytest.raises(InputError):
            check_version(wanted, release("1.9.0"))


def test_code_that_does_not_parse_has_no_api() -> None:
    chosen = choose_version(release("1.0.0"), content("def ("), content("def add(): ...\n"))
    assert chosen.change is ChangeKind.FEATURE
