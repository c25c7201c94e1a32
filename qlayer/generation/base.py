"""What a template family gives: a skeleton that boots, with typed slots, and checks as data."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from qlayer.types.check import CheckPlan
from qlayer.types.frozen import Frozen
from qlayer.types.memory import Hint, Rule
from qlayer.types.source import SourceTree, TreePath
from qlayer.types.spec import Example, Spec


class Slot(Frozen):
    """One function that the model writes. The platform owns everything around it."""

    name: str
    """Unique within the skeleton; the function's qualified name in `path`."""
    path: TreePath
    """File that holds the function; it is replaced there by an AST splice."""
    module: str
    """Dotted module name of `path`."""
    signature: str
    """``def name(...) -> T`` without the colon."""
    brief: str
    """What it must do, in plain words (becomes the docstring in the prompt)."""
    context: str = ""
    """Code the model may rely on: neighbours' signatures, types, at most about 40 lines."""
    examples: tuple[Example, ...] = ()
    allowed_imports: tuple[str, ...] = ()
    """Top-level modules the code may import; empty: the standard library's safe part."""
    checks: tuple[CheckPlan, ...] = ()
    """Checks that can be run once this slot is filled."""
    hints: tuple[Hint, ...] = ()
    """Functions like this one as people corrected them, to be shown to the model."""
    rules: tuple[Rule, ...] = ()
    """Mechanical fixes that people taught, to be made after the platform's own."""
    uses: tuple[str, ...] = ()
    """Slots that this one may call: filled before it, their signatures are shown to it."""
    like: tuple[str, ...] = ()
    """Slots that share data with this one, in a form which the first filling chose: shown to it whole."""

    @property
    def function_name(self) -> str:
        """The function's own name, without that of its class."""
        return self.name.rpartition(".")[2]


class Skeleton(Frozen):
    """A project that boots before any token is spent."""

    template: str
    tree: SourceTree
    slots: tuple[Slot, ...]
    """In dependency order."""
    boot: tuple[CheckPlan, ...]
    """Must pass on the bare skeleton, and again on the finished tree."""
    final: tuple[CheckPlan, ...]
    """All checks of the finished tree, trusted ones first."""


class Fit(Frozen):
    """How well a family fits a spec: 0 (not at all) to 1, with a sentence why."""

    score: float
    reason: str


class Template(Protocol):
    """A family of projects."""

    name: str
    summary: str
    folder: Path
    """Holds its manifest."""

    def fit(self, spec: Spec) -> Fit: ...

    def instantiate(self, spec: Spec) -> Skeleton:
        """Deterministic: the same spec gives the same bytes. Raises `InputError` naming what is missing."""
        ...
