"""The function that examples must call, as far as it is known."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass

from qlayer.types.spec import Signature


@dataclass(frozen=True)
class Target:
    """A name with its parameters. `optional` of the positional ones have a default."""

    name: str
    positional: tuple[str, ...]
    optional: int = 0
    keyword_only: tuple[str, ...] = ()
    required_keywords: tuple[str, ...] = ()
    variadic: bool = False
    open_keywords: bool = False
    returns: str = ""
    """The return annotation as text."""

    @classmethod
    def of(cls, signature: Signature) -> Target:
        function = ast.parse(signature.source + ": ...").body[0]
        assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        given = function.args
        keywords = zip(given.kwonlyargs, given.kw_defaults, strict=True)
        return cls(
            name=signature.name,
            positional=tuple(item.arg for item in (*given.posonlyargs, *given.args)),
            optional=len(given.defaults),
            keyword_only=tuple(item.arg for item in given.kwonlyargs),
            required_keywords=tuple(item.arg for item, default in keywords if default is None),
            variadic=given.vararg is not None,
            open_keywords=given.kwarg is not None,
            returns=ast.unparse(function.returns) if function.returns else "",
        )

    def misfit(self, count: int, keywords: Collection[str]) -> str | None:
        """Why a call with `count` positional arguments and these keywords cannot bind; None when it can."""
        if count > len(self.positional) and not self.variadic:
            return f"it passes {count} arguments, {self.name} takes {len(self.positional)}"
        known = {*self.positional[count:], *self.keyword_only}
        unknown = [name for name in keywords if name not in known]
        if unknown and not self.open_keywords:
            return f"{self.name} has no free parameter {unknown[0]}"
        needed = self.positional[count : len(self.positional) - self.optional]
        missing = [name for name in (*needed, *self.required_keywords) if name not in keywords]
        return f"it leaves {missing[0]} out" if missing else None
