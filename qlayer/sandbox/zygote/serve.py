"""The zygote's loop from the optional compiled helper (`serve.c`), which touches a tenth of the pages.

Without it `pid1` and `child` do everything in Python; what a run sees is the same.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from qlayer.sandbox.zygote import filters, protocol

_MAX_FDS, _MAX_PACKET = 8, 256


FAILED = -1
"""In a child, whose set-up did not work."""
CLOSED = 0
"""In the zygote: the host has hung up."""
CANDIDATE, TESTER = 1, 2
"""In a child that has given up everything."""
FOREIGN = 3
"""In the zygote: an order that only Python knows."""


class Loop:
    """The loaded helper, for one zygote. Raises OSError when it does not load or is of another version."""

    def __init__(self, path: str, limits: Limits, *, control: int, second_uid: bool) -> None:
        library = ctypes.PyDLL(path)
        sizes = library.qlayer_order_bytes(), library.qlayer_ending_bytes()
        if sizes != (protocol.ORDER_START_BYTES, protocol.ENDING_BYTES):
            raise OSError(f"the helper is of another version: {sizes}")
        self.function = library.qlayer_serve
        """Called with `places` it serves plain runs until there is something for Python to do, and returns in
        every child too; the answer is one of this module's constants."""
        self._filter = filters.child_filter()
        self._config = _Config(
            control=control,
            candidate_uid=protocol.CANDIDATE_UID if second_uid else 0,
            tester_uid=protocol.TESTER_UID if second_uid else 0,
            filter_length=len(self._filter) // 8,
            filter=ctypes.cast(ctypes.c_char_p(self._filter), ctypes.c_void_p),
            **limits._asdict(),
        )
        self._event = _Event()
        self._packet_at = ctypes.addressof(self._event) + _Event.packet.offset
        self.places = ctypes.byref(self._config), ctypes.byref(self._event)

    def use(self, proc: int) -> None:
        """A descriptor of the host's /proc, before the first call of `function`."""
        self._config.proc = proc

    @property
    def packet(self) -> bytes:
        """The order that was received last."""
        # Not the field itself, which ends at the first zero byte.
        return ctypes.string_at(self._packet_at, self._event.packet_length)

    @property
    def fds(self) -> list[int]:
        """The descriptors of a FOREIGN order."""
        return list(self._event.fds[: self._event.descriptors])

    @property
    def reportable(self) -> bool:
        """In a child: whether its private channel is in place."""
        return bool(self._event.reportable)

    @property
    def error(self) -> str:
        return str(self._event.error.decode(errors="replace"))


class Limits(NamedTuple):
    """Numbers that Python and C share."""

    reap_every_ms: int
    grace_ms: int
    locked_bytes: int
    cpus: int


class _Config(ctypes.Structure):
    _fields_ = (
        ("control", ctypes.c_int32),
        ("proc", ctypes.c_int32),
        ("candidate_uid", ctypes.c_uint32),
        ("tester_uid", ctypes.c_uint32),
        ("filter_length", ctypes.c_uint32),
        ("reap_every_ms", ctypes.c_uint32),
        ("grace_ms", ctypes.c_uint32),
        ("locked_bytes", ctypes.c_uint32),
        ("cpus", ctypes.c_uint32),
        ("filter", ctypes.c_void_p),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("packet_length", ctypes.c_int32),
        ("descriptors", ctypes.c_int32),
        ("reportable", ctypes.c_int32),
        ("fds", ctypes.c_int32 * _MAX_FDS),
        ("packet", ctypes.c_char * _MAX_PACKET),
        ("error", ctypes.c_char * 200),
    )
