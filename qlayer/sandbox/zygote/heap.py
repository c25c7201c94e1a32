"""Fills the holes that imports and rehearsal leave in the heap, so that what a child allocates lies together.

A child's objects would otherwise go into free places all over the zygote's memory, and each page with such a
place would be copied for a few bytes. What is put into the holes is never touched again.
"""

from __future__ import annotations

import ctypes

_SMALLEST, _LARGEST = 16, 512
"""Bytes; pymalloc serves these in steps of 16 from pools, malloc serves the rest."""
_POOL_BYTES = 1 << 14
_POOL_HEADER = 48
"""Where the first block of a pool lies (Objects/obmalloc.c, CPython 3.10 to 3.13)."""
_BYTES_HEADER = 33
_MOST = 50_000
"""Of one size, should a pool be laid out in another way."""
_MALLOC_SIZES = (*range(120 * 1024, 4096, -1024), *range(4096, _LARGEST, -16))
"""Largest first: what is left of a large hole is filled by smaller ones."""

_kept: list[object] = []


def fill() -> None:
    """To be called when the zygote will free nothing more. Does half of its work where libc is not glibc."""
    _fill_malloc()
    _fill_pools()


def _fill_pools() -> None:
    for size in range(_SMALLEST, _LARGEST + 1, 16):
        last = 0
        for _ in range(_MOST):
            _kept.append(_block(size))
            at = id(_kept[-1])
            if last % _POOL_BYTES == _POOL_HEADER and at == last + size:
                # The first two blocks of a new pool: every older one is full.
                break
            last = at


def _block(size: int) -> object:
    if size == _SMALLEST:
        return object()
    return float(size) if size < _BYTES_HEADER else bytes(size - _BYTES_HEADER)


class _Info(ctypes.Structure):
    """``struct mallinfo2`` of glibc 2.33."""

    _fields_ = (
        *((f"unread{number}", ctypes.c_size_t) for number in range(9)),
        ("keepcost", ctypes.c_size_t),
    )


def _fill_malloc() -> None:
    libc = ctypes.PyDLL(None)
    if not hasattr(libc, "mallinfo2"):
        return
    libc.mallinfo2.restype = _Info
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = (ctypes.c_size_t,)
    libc.free.argtypes = (ctypes.c_void_p,)
    for size in _MALLOC_SIZES:
        for _ in range(_MOST):
            top = libc.mallinfo2().keepcost
            block = libc.malloc(size)
            if libc.mallinfo2().keepcost != top:
                # Cut from the free end of the heap: no hole of this size is left.
                libc.free(block)
                break
