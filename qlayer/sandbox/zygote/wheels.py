"""Choosing a wheel from an index's page, and unpacking it. Nothing of a package is executed.

The page and the wheel come from outside: both are read in the build's own sandbox. Formats: the simple index
as JSON (PEP 691) or HTML (PEP 503), wheels (PEP 427).
"""

from __future__ import annotations

import email
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

_CHUNK = 1 << 20
_SHOWN_SUFFIXES = ("purelib", "platlib")
"""The parts of a wheel's data folder that hold modules; scripts, headers and the like are left out."""
_SYMLINK = 0o120000


class Refused(Exception):
    """The lock cannot be had as it says; the message says why."""


class TooBig(Exception):
    """A limit of the build; the message names it."""


class File(NamedTuple):
    """One file that an index offers."""

    name: str
    url: str
    sha256: str | None
    """None: the index does not say."""


def files_of(page: bytes, content_type: str, base_url: str) -> list[File]:
    """What a project's page offers. Raises ValueError when it is neither JSON nor text."""
    if "json" in content_type:
        found = [
            File(entry["filename"], entry["url"], entry.get("hashes", {}).get("sha256"))
            for entry in json.loads(page)["files"]
        ]
    else:
        reader = _Anchors()
        reader.feed(page.decode())
        found = [_from_link(link) for link in reader.links]
    return [file._replace(url=urljoin(base_url, file.url)) for file in found]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "a" and target:
            self.links.append(target)


def _from_link(link: str) -> File:
    address, _, fragment = link.partition("#")
    name = urlsplit(address).path.rpartition("/")[2]
    match = re.search(r"sha256=([0-9a-f]{64})", fragment)
    return File(name, address, match[1] if match else None)


def choose(files: Iterable[File], name: str, version: str, hashes: set[str], tags: dict[str, int]) -> File:
    """The best wheel of this version, with one of these hashes, for one of these tags (lower is better).

    Raises `Refused` saying what the index has instead.
    """
    offered = [file for file in files if _version_of(file.name, name) == comparable(version)]
    if not offered:
        raise Refused(f"the index has no version {version} of {name}")
    wheels = [(rank, file) for file in offered if (rank := _rank(file.name, tags)) is not None]
    if not wheels:
        if any(file.name.endswith(".whl") for file in offered):
            raise Refused(f"{name} {version} has no wheel for this interpreter and platform")
        raise Refused(f"{name} {version} has no wheel, and building its source would run its code")
    usable = [(rank, file) for rank, file in wheels if file.sha256 is None or file.sha256 in hashes]
    if not usable:
        raise Refused(
            f"no wheel of {name} {version} for this interpreter has a hash that the lock names: "
            "the lock was made for another platform, or the index has other files"
        )
    return min(usable, key=lambda pair: pair[0])[1]


def comparable(version: str) -> str:
    """A version in a form in which equal ones are the same text: 1.0 is 1.0.0."""
    release, plus, local = version.lower().lstrip("v").partition("+")
    release = re.sub(r"^(\d+(?:\.\d+)*?)(?:\.0)+(?=$|[^.\d]|\.(?:post|dev))", r"\1", release)
    return release + plus + re.sub(r"[-_]", ".", local)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _version_of(file: str, name: str) -> str | None:
    """Of the version that a file name states, when it is a file of this project."""
    if file.endswith(".whl"):
        parts = file.removesuffix(".whl").split("-")
        same = len(parts) in (5, 6) and normalised(parts[0]) == name
        return comparable(parts[1]) if same else None
    for suffix in (".tar.gz", ".zip"):
        if file.endswith(suffix):
            stem, _, version = file.removesuffix(suffix).rpartition("-")
            return comparable(version) if normalised(stem) == name else None
    return None


def _rank(file: str, tags: dict[str, int]) -> int | None:
    if not file.endswith(".whl"):
        return None
    python, abi, system = file.removesuffix(".whl").split("-")[-3:]
    ranks = [
        tags[tag]
        for one in python.split(".")
        for other in abi.split(".")
        for third in system.split(".")
        if (tag := f"{one}-{other}-{third}") in tags
    ]
    return min(ranks, default=None)


class Room:
    """What may still be installed."""

    def __init__(self, most_bytes: int, most_files: int) -> None:
        self._most_bytes, self._bytes = most_bytes, most_bytes
        self._most_files, self._files = most_files, most_files

    def take_file(self) -> None:
        self._files -= 1
        if self._files < 0:
            raise TooBig(f"installed_files={self._most_files}")

    def take_bytes(self, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0:
            raise TooBig(f"installed_bytes={self._most_bytes}")


def unpack(path: str, name: str, version: str, target: str, room: Room) -> None:
    """Put a wheel's modules below a folder. Raises `Refused`, `TooBig`, OSError."""
    try:
        with zipfile.ZipFile(path) as wheel:
            _check_metadata(wheel, name, version)
            for entry in wheel.infolist():
                place = _place(entry)
                if place is not None:
                    _write(wheel, entry, f"{target}/{place}", room)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
        # RuntimeError: encrypted, or packed in a way that the standard library does not know.
        raise Refused(f"the wheel of {name} {version} is damaged: {error}") from None


def _check_metadata(wheel: zipfile.ZipFile, name: str, version: str) -> None:
    found = [path for path in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", path)]
    if len(found) != 1:
        raise Refused(f"the wheel of {name} {version} has {len(found)} METADATA files, not one")
    own = email.message_from_bytes(wheel.read(found[0]))
    own_name, own_version = str(own["Name"]), str(own["Version"])
    if normalised(own_name) != name or comparable(own_version) != comparable(version):
        raise Refused(
            f"the wheel that the index gives for {name} {version} calls itself {own_name} {own_version}"
        )


def _place(entry: zipfile.ZipInfo) -> str | None:
    """Where an entry goes; None for what is not installed. Raises `Refused` for a path that leads out."""
    parts = entry.filename.split("/")
    if entry.filename.startswith("/") or "\\" in entry.filename or any(p in ("..", ".") for p in parts):
        raise Refused(f"a wheel holds a path that leads out of it: {entry.filename!r}")
    if entry.is_dir():
        return None
    if entry.external_attr >> 16 & 0o170000 == _SYMLINK:
        raise Refused(f"a wheel holds a symbolic link: {entry.filename!r}")
    if parts[0].endswith(".data"):
        return "/".join(parts[2:]) if len(parts) > 2 and parts[1] in _SHOWN_SUFFIXES else None
    return entry.filename


def _write(wheel: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, room: Room) -> None:
    room.take_file()
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
    # What is written counts, not what the archive claims: that is how a bomb would get in.
    with wheel.open(entry) as source, open(path, "wb") as out:
        while chunk := source.read(_CHUNK):
            room.take_bytes(len(chunk))
            out.write(chunk)
