"""Python's own memory in huge pages, by the compiled helper. To be placed before anything else is imported.

Forking a zygote and ending its child take a step for each of its pages; one huge page is one step. Memory
that was taken before stays where it is, and where huge pages are not to be had only their gain is lost.
"""

from __future__ import annotations

import ctypes

_libraries: list[ctypes.PyDLL] = []


def place(helper: str) -> None:
    """`helper` is the compiled helper's path. Does nothing when that does not load."""
    try:
        library = ctypes.PyDLL(helper)
        library.qlayer_place_arenas(ctypes.pythonapi.PyObject_SetArenaAllocator)
    except (OSError, AttributeError):
        return
    _libraries.append(library)


def gather() -> None:
    """Make the pages huge: after the imports, and before what is allocated counts as a program's."""
    for library in _libraries:
        library.qlayer_gather_arenas()
