"""Choosing a wheel and unpacking it, with pages and archives as hostile as they come."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from qlayer.sandbox.zygote import wheels

TAGS = {"cp311-cp311-linux_x86_64": 0, "py3-none-any": 1}
A, B = "a" * 64, "b" * 64


def offered(*names: str, sha256: str | None = A) -> list[wheels.File]:
    return [wheels.File(name, f"http://127.0.0.1/{name}", sha256) for name in names]


def chosen(files: list[wheels.File], version: str = "1.0") -> str:
    return wheels.choose(files, "one-two", version, {A}, TAGS).name


def test_takes_the_best_wheel() -> None:
    best = "One_Two-1.0-cp311-cp311-linux_x86_64.whl"
    files = offered(
        "one_two-1.0.tar.gz", "one_two-1.0-py2.py3-none-any.whl", best, "one_two-2.0-py3-none-any.whl"
    )
    assert chosen(files) == best
    assert chosen(files[:2]) == "one_two-1.0-py2.py3-none-any.whl"


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "1"), ("1.0.0", "1.0"), ("2.10", "2.10.0"), ("1.0RC1", "1rc1")]
)
def test_equal_versions_compare_equal(one: str, other: str) -> None:
    assert wheels.comparable(one) == wheels.comparable(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1.10", "1.1"), ("10", "1"), ("1.0+a", "1.0+b"), ("1.0rc1", "1.0")]
)
def test_different_versions_do_not(one: str, other: str) -> None:
    assert wheels.comparable(one) != wheels.comparable(other)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([], "no version 1.0"),
        (offered("one_two-2.0-py3-none-any.whl"), "no version 1.0"),
        (offered("one_twofold-1.0-py3-none-any.whl"), "no version 1.0"),
        (offered("one-two-1.0.tar.gz"), "building its source would run its code"),
        (offered("one_two-1.0-cp311-cp311-win_amd64.whl"), "no wheel for this interpreter"),
        (offered("one_two-1.0-py3-none-any.whl", sha256=B), "hash"),
    ],
)
def test_says_what_the_index_has_instead(files: list[wheels.File], why: str) -> None:
    with pytest.raises(wheels.Refused, match=why):
        chosen(files)


def test_reads_both_kinds_of_page() -> None:
    html = f'<a href="../../f/one-1.0.tar.gz#sha256={A}">x</a><a name="n"><a href="b-1-py3-none-any.whl">'
    found = wheels.files_of(html.encode(), "text/html", "http://127.0.0.1/simple/one/")
    assert found == [
        wheels.File("one-1.0.tar.gz", "http://127.0.0.1/f/one-1.0.tar.gz", A),
        wheels.File("b-1-py3-none-any.whl", "http://127.0.0.1/simple/one/b-1-py3-none-any.whl", None),
    ]
    with pytest.raises((ValueError, KeyError, TypeError)):
        wheels.files_of(b"[1]", "application/json", "http://127.0.0.1/")


def archive(tmp_path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], name: str = "one") -> str:
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("one-1.0.dist-info/METADATA", f"Name: {name}\nVersion: 1.0\n")
        for entry, data in entries:
            file.writestr(entry, data)
    return str(path)


def unpack(path: str, target: Path, most_bytes: int = 1000, most_files: int = 10) -> None:
    wheels.unpack(path, "one", "1.0", str(target), wheels.Room(most_bytes, most_files))


def test_unpacks_modules_and_leaves_scripts_out(tmp_path: Path) -> None:
    path = archive(
        tmp_path,
        ("one/__init__.py", b"1"),
        ("one-1.0.data/purelib/more.py", b"2"),
        ("one-1.0.data/scripts/run", b"3"),
    )
    unpack(path, tmp_path / "site")
    found = {file.name for file in (tmp_path / "site").rglob("*") if file.is_file()}
    assert found == {"METADATA", "__init__.py", "more.py"}


def _link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("one/link")
    entry.external_attr = 0o120777 << 16
    return entry


@pytest.mark.parametrize(
    "entry",
    ["../out.py", "/out.py", "one/../../out.py", "one/./x.py", "one-1.0.data/purelib/../../../out", _link()],
)
def test_nothing_leads_out(tmp_path: Path, entry: str | zipfile.ZipInfo) -> None:
    target = tmp_path / "a" / "site"
    with pytest.raises(wheels.Refused):
        unpack(archive(tmp_path, (entry, b"/etc/passwd")), target)
    assert not list(tmp_path.rglob("*out*"))


def test_a_wheel_of_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(wheels.Refused, match="calls itself other"):
        unpack(archive(tmp_path, name="other"), tmp_path / "site")


def test_two_metadata_files_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, ("two-1.0.dist-info/METADATA", b"Name: two"))
    with pytest.raises(wheels.Refused, match="2 METADATA"):
        unpack(path, tmp_path / "site")


def test_a_bomb_is_stopped_by_what_it_writes(tmp_path: Path) -> None:
    path = archive(tmp_path, ("bomb", bytes(50_000_000)))
    assert Path(path).stat().st_size < 100_000
    with pytest.raises(wheels.TooBig, match="installed_bytes"):
        unpack(path, tmp_path / "site")
    assert (tmp_path / "site/bomb").stat().st_size <= 1000


def test_too_many_files_are_stopped(tmp_path: Path) -> None:
    path = archive(tmp_path, *((f"f{number}", b"") for number in range(11)))
    with pytest.raises(wheels.TooBig, match="installed_files"):
        unpack(path, tmp_path / "site")


@pytest.mark.parametrize("data", [b"", b"PK", io.BytesIO().getvalue() + b"x" * 100])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.whl"
    path.write_bytes(data)
    with pytest.raises(wheels.Refused, match="damaged"):
        unpack(str(path), tmp_path / "site")
