"""The `mobile` family: an Expo app in TypeScript."""

from pathlib import Path

from qlayer.generation.templates.scaffold import Scaffold

MOBILE = Scaffold(Path(__file__).parent)

__all__ = ["MOBILE"]
