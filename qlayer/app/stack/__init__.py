"""A local stack: one Ray head of our own with both Serve apps on it, started, described and stopped as one.

What belongs here: owning processes, ports and files of a stack on this machine. What never does: importing
Ray (the head is a child process, Serve is told what to run over its REST interface) and Kubernetes.
"""

from qlayer.app.stack.serve import EngineOptions
from qlayer.app.stack.start import StackOptions, start_stack
from qlayer.app.stack.state import StackState
from qlayer.app.stack.status import PartStatus, StackStatus, stack_status
from qlayer.app.stack.stop import stop_stack

__all__ = [
    "EngineOptions",
    "PartStatus",
    "StackOptions",
    "StackState",
    "StackStatus",
    "stack_status",
    "start_stack",
    "stop_stack",
]
