"""What host and zygote say to each other: short packets of integers, with descriptors attached.

No byte of a request or of a result is ever in them. The zygote therefore holds nothing of one run that
the next could read; the child reads its job from its own descriptor and writes its report to another.
"""

from __future__ import annotations

import json
import struct
from typing import NamedTuple

KILL = b"K"
READY = b"Z"
HELPED = b"c"
"""After READY: the compiled helper is in use."""
FAILED = b"!"
"""Followed by a sentence: the zygote could not be set up."""
RUN = b"R"
NO_ENVIRONMENT = bytes(32)
ENDED = b"E"
FILES = b"F"
"""With a descriptor of the /tmp of a run of which nothing is alive; the host answers TAKEN."""
TAKEN = b"T"

_ORDER = struct.Struct("<cBQIIQQIQ32sBB")
_ENDING = struct.Struct("<ciQQBBB")
ORDER_START_BYTES = struct.calcsize("<cBQIIQQIQ")
"""What `serve.c` knows of an order: one with anything but zeros after it is served by Python."""
ENDING_BYTES = _ENDING.size


class Setup(NamedTuple):
    """The first packet, as JSON: how to build this zygote."""

    disabled: list[str]
    """Names of controls that are off (tests only)."""
    privileged: bool
    """Started as root: maps two more uids and may join cgroups."""
    binds: list[tuple[str, str]]
    """Absolute paths of the host that are visible, read-only, and where."""
    sys_path: list[str]
    imports: list[str]
    cgroups: list[str]
    """Directories whose cgroup.procs the zygote joins; removed when it is gone."""
    first_uid: int
    """Host uid of the zygote when privileged; candidate and tester follow."""
    environments: str = ""
    """The host's folder of prepared packages; empty: there is none."""
    writable: tuple[tuple[str, str], ...] = ()
    """As `binds`, but writable: the target of a build."""
    helper: str = ""
    """The compiled helper's path on the host; empty: all in Python."""

    def to_bytes(self) -> bytes:
        return json.dumps(self._asdict()).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Setup:
        fields = json.loads(data)
        fields["binds"] = [(source, target) for source, target in fields["binds"]]
        fields["writable"] = tuple((source, target) for source, target in fields["writable"])
        return cls(**fields)


class Order(NamedTuple):
    """Start a run. Descriptors: job, report, stdin, stdout, stderr; split mode: tester's job, report."""

    split: bool
    cpu_us: int
    """Of each main process, watched by the zygote; RLIMIT_CPU follows for all others."""
    open_files: int
    processes: int
    """For RLIMIT_NPROC; 0: a cgroup counts."""
    data_bytes: int
    """For RLIMIT_DATA; 0: a cgroup counts."""
    tmp_bytes: int
    tmp_inodes: int
    file_bytes: int
    environment: bytes = NO_ENVIRONMENT
    """The digest of the prepared packages that this run sees."""
    collect: bool = False
    """Show the host what is left at the end."""
    interactive: bool = False
    """With `split`: the tester is a program too, and each one's stdout is the other's stdin."""

    def to_bytes(self) -> bytes:
        return _ORDER.pack(RUN, *self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Order:
        _, split, *rest = _ORDER.unpack(data)
        return cls(bool(split), *rest)


class Ending(NamedTuple):
    """A run has ended and nothing of it is alive."""

    status: int
    """Of the main process as `os.wait4` gives it: exit code * 256, or the signal."""
    cpu_us: int
    """Of all processes that were reaped."""
    peak_bytes: int
    """Largest resident set of one process."""
    killed: bool
    """The host asked for it."""
    survivors: bool
    """Processes of the run were alive after its main process had ended, and were killed."""
    disk_full: bool
    """The run's file system had no free block or inode at the end."""

    def to_bytes(self) -> bytes:
        return _ENDING.pack(ENDED, *self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Ending:
        _, status, cpu_us, peak, killed, survivors, full = _ENDING.unpack(data)
        return cls(status, cpu_us, peak, bool(killed), bool(survivors), bool(full))


ZYGOTE_UID, CANDIDATE_UID, TESTER_UID = 1000, 1001, 1002
"""Inside the user namespace."""
PLATFORM_PACKAGES = "/opt/qlayer/site"
"""Where a run sees the packages that the platform shows to all."""
ENVIRONMENT = "/opt/qlayer/env"
"""Where a run sees its prepared packages."""
HOST_NAME = "sandbox"
"""What a run is told of the name of its host; the host's own is nobody's business."""
WORK = "/tmp/work"
"""The tree's place, and the run's working directory."""
