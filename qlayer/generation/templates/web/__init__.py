"""The `web` family: a single page in TypeScript, built by Vite."""

from pathlib import Path

from qlayer.generation.templates.scaffold import Scaffold

WEB = Scaffold(Path(__file__).parent)

__all__ = ["WEB"]
