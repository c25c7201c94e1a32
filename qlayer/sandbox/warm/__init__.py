"""The host's half of the warm-fork sandbox: starts zygotes, hands them jobs, judges what came back.

A zygote is a freshly started interpreter inside its own namespaces that forks one child per run; its code is
`qlayer.sandbox.zygote`. Nothing here runs a byte of untrusted code, and all input from a zygote is hostile.
"""

from qlayer.sandbox.warm.sandbox import WarmSandbox

__all__ = ["WarmSandbox"]
