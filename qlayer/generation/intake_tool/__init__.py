"""Reading what a request says about a command-line tool: its commands, options and example calls.

What belongs here: shell sessions (``$ calc add 1 2``), usage lines and option lists. Strict in trust as all
of intake: a call becomes a test only when it and its output are understood.
"""

from qlayer.generation.intake_tool.request import ToolParts, parse_tool

__all__ = ["ToolParts", "parse_tool"]
