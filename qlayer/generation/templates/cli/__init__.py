"""The `cli` family: a command-line tool; a model writes what each of its commands does."""

from qlayer.generation.templates.cli.template import CliTemplate

__all__ = ["CliTemplate"]
