"""Reads the files that a run was asked to leave, once its program is dead.

Order for each file, so that no trick of the program is ever opened for reading:
1. the name obeys the rules for names of a tree;
2. `open_beneath` with O_PATH: no link and no way out on the path, nothing is opened yet;
3. fstat: a regular file with one name, not larger than allowed;
4. open for reading (O_NONBLOCK), fstat again: the same file, still so;
5. read at most the size that was seen.
The caller sees to it that nothing of the run is alive.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from qlayer.sandbox.base import MiB, OutputFile
from qlayer.sandbox.files.beneath import open_beneath
from qlayer.sandbox.files.patterns import Pattern, State, ended, start, step
from qlayer.sandbox.zygote.protocol import WORK
from qlayer.types.source import check_path

MAX_DEPTH = 64
"""Folders below each other that a glob looks into."""
_WORK = WORK.rpartition("/")[2]
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class OutputLimits(NamedTuple):
    files: int = 1_000
    file_bytes: int = 16 * MiB
    total_bytes: int = 64 * MiB
    entries: int = 20_000
    """Names that globs may make us look at."""


class Fault(NamedTuple):
    """Why a file does not come back."""

    cause: str
    limit: str | None = None
    missing: bool = False
    """The run left nothing of that name."""


class Collected(NamedTuple):
    files: tuple[OutputFile, ...] = ()
    """By path. Beside a fault: those that were good."""
    fault: Fault | None = None
    """The first one."""


class _Refused(Exception):
    def __init__(self, cause: str, limit: str | None = None) -> None:
        super().__init__(cause)
        self.fault = Fault(cause, limit)


def collect_work(tmp: int, patterns: tuple[Pattern, ...], limits: OutputLimits | None = None) -> Collected:
    """As `collect`, from the working directory in a run's /tmp, where the run may have put what it likes.

    Closes `tmp`.
    """
    try:
        work = open_beneath(tmp, _WORK, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        return Collected(fault=Fault(f"the working directory is gone: {error.strerror}"))
    finally:
        os.close(tmp)
    try:
        return collect(work, patterns, limits)
    finally:
        os.close(work)


def collect(folder: int, patterns: tuple[Pattern, ...], limits: OutputLimits | None = None) -> Collected:
    """The files below the folder's descriptor that the patterns name. Never raises for what a program did.

    Each pattern must bring at least one file. Folders that a glob matches are passed over; links, pipes,
    sockets, devices and files with several names are faults however they were asked for.
    """
    return _Collection(folder, patterns, limits or OutputLimits()).run()


class _Collection:
    def __init__(self, folder: int, patterns: tuple[Pattern, ...], limits: OutputLimits) -> None:
        self._folder = folder
        self._patterns = patterns
        self._limits = limits
        self._files: dict[str, OutputFile] = {}
        self._bytes_left = limits.total_bytes
        self._fault: Fault | None = None

    def run(self) -> Collected:
        try:
            found = {pattern.text for pattern in self._patterns if not pattern.is_glob} | self._globbed()
            for path in sorted(found):
                self._take(path)
        except _Refused as refusal:  # a limit on all of them: no use to go on
            self._note(refusal.fault)
        return Collected(tuple(self._files[path] for path in sorted(self._files)), self._fault)

    def _note(self, fault: Fault) -> None:
        self._fault = self._fault or fault

    def _globbed(self) -> set[str]:
        """The paths that globs match; notes globs that match nothing."""
        found: set[str] = set()
        satisfied: set[int] = set()
        for path, matched in self._entries():
            found.add(path)
            satisfied |= matched
            if len(found) > self._limits.files:
                raise _Refused("it left more files than may come back", f"files={self._limits.files}")
        for number, pattern in enumerate(self._patterns):
            if pattern.is_glob and number not in satisfied:
                self._note(Fault(f"no file matches {pattern.text!r}", missing=True))
        return found

    def _entries(self) -> Iterator[tuple[str, frozenset[int]]]:
        """Everything but folders that a glob matches, with the globs' numbers."""
        seen = 0
        todo: list[tuple[str, State]] = [("", start(self._patterns))]
        while todo:
            above, state = todo.pop()
            for name, is_folder in self._names(above) if state else ():
                seen += 1
                if seen > self._limits.entries:
                    limit = f"entries={self._limits.entries}"
                    raise _Refused("it left more names than a glob may look at", limit)
                after = step(self._patterns, state, name)
                path = f"{above}/{name}" if above else name
                if is_folder and after:
                    if path.count("/") >= MAX_DEPTH:
                        raise _Refused(
                            f"folders lie too deep to look into: {_shown(path)}", f"depth={MAX_DEPTH}"
                        )
                    todo.append((path, after))
                elif not is_folder and (matched := ended(self._patterns, after)):
                    yield path, matched

    def _names(self, path: str) -> Iterable[tuple[str, bool]]:
        flags = os.O_RDONLY | os.O_DIRECTORY
        try:
            fd = open_beneath(self._folder, path, flags) if path else os.open(".", flags, dir_fd=self._folder)
        except OSError as error:
            self._note(Fault(f"the folder {_shown(path)} cannot be read: {error.strerror}"))
            return ()
        try:
            # No more than may be looked at, so that a folder of millions costs no memory.
            with os.scandir(fd) as entries:
                most = zip(range(self._limits.entries + 1), entries, strict=False)
                return [(entry.name, entry.is_dir(follow_symlinks=False)) for _, entry in most]
        finally:
            os.close(fd)

    def _take(self, path: str) -> None:
        try:
            data = self._read(path)
        except _Refused as refusal:
            self._note(refusal.fault)
            return
        except OSError as error:
            self._note(_meaning(path, error))
            return
        if len(self._files) == self._limits.files:
            raise _Refused("it left more files than may come back", f"files={self._limits.files}")
        self._bytes_left -= len(data)
        self._files[path] = OutputFile(path=path, data=data)

    def _read(self, path: str) -> bytes:
        try:
            check_path(path)
        except ValueError as error:
            raise _Refused(f"an output has a name that is not taken: {str(error)[:300]}") from None
        fd = open_beneath(self._folder, path, os.O_PATH)
        try:
            seen = self._regular(path, os.fstat(fd))
        finally:
            os.close(fd)
        fd = open_beneath(self._folder, path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            now = self._regular(path, os.fstat(fd))
            if (now.st_dev, now.st_ino, now.st_size) != (seen.st_dev, seen.st_ino, seen.st_size):
                raise _Refused(f"{_shown(path)} changed while it was read")
            return _all_of(fd, path, now.st_size)
        finally:
            os.close(fd)

    def _regular(self, path: str, found: os.stat_result) -> os.stat_result:
        if not stat.S_ISREG(found.st_mode):
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "of an unknown kind")
            raise _Refused(f"{_shown(path)} is {kind}, not a regular file")
        if found.st_nlink != 1:
            raise _Refused(f"{_shown(path)} is a hard link: the file has {found.st_nlink} names")
        limits = self._limits
        if found.st_size > limits.file_bytes:
            cause = f"{_shown(path)} has {found.st_size} bytes, more than may come back"
            raise _Refused(cause, f"file_bytes={limits.file_bytes}")
        if found.st_size > self._bytes_left:
            cause = f"with {_shown(path)} the files have more bytes than may come back"
            raise _Refused(cause, f"total_bytes={limits.total_bytes}")
        return found


def _all_of(fd: int, path: str, size: int) -> bytes:
    chunks = []
    left = size
    while left and (chunk := os.read(fd, min(left, MiB))):
        chunks.append(chunk)
        left -= len(chunk)
    if left:
        raise _Refused(f"{_shown(path)} changed while it was read")
    return b"".join(chunks)


def _meaning(path: str, error: OSError) -> Fault:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Fault(f"the output {_shown(path)} is missing", missing=True)
    if error.errno == errno.ELOOP:
        return Fault(f"{_shown(path)} goes through a symbolic link")
    if error.errno == errno.EXDEV:
        return Fault(f"{_shown(path)} leads out of the working directory")
    return Fault(f"{_shown(path)} cannot be read: {error.strerror}")


def _shown(path: str) -> str:
    """A name that a program chose, harmless to print."""
    return ascii(path[:200])
