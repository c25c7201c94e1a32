"""The `node-service` family: a TypeScript HTTP service that needs no package at run time."""

from pathlib import Path

from qlayer.generation.templates.scaffold import Scaffold

NODE_SERVICE = Scaffold(Path(__file__).parent)

__all__ = ["NODE_SERVICE"]
