"""The languages that the sandbox can build and run: what each needs, as data, and where this host has it.

Adding a language is one more `Runtime` in the file of its family. Building and running is done by
`qlayer.sandbox.warm`; nothing of a program is ever executed from here.
"""

from qlayer.sandbox.runtimes.base import Build, Runtime, Toolchain, ToolchainMissing
from qlayer.sandbox.runtimes.registry import RUNTIMES, find, probe, runtime_of, tool_binds

__all__ = [
    "RUNTIMES",
    "Build",
    "Runtime",
    "Toolchain",
    "ToolchainMissing",
    "find",
    "probe",
    "runtime_of",
    "tool_binds",
]
