"""The `function` family: one typed function in a library package of its own, with tests from the examples."""

from qlayer.generation.templates.function.template import FunctionTemplate

__all__ = ["FunctionTemplate"]
