"""The `data` family: a tool that turns CSV or JSON into other data; a model writes the step in between."""

from qlayer.generation.templates.data.template import DataTemplate

__all__ = ["DataTemplate"]
