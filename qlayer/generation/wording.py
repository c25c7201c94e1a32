"""How calls and places are written for people and models."""

from __future__ import annotations

import ast

MARK = "  # <-- the error is here"
"""Ends the failing line in what a model is shown."""


def call_text(function: str, args: str, kwargs: str = "{}") -> str:
    """``add(1, b=2)`` from a tuple display and a dict display. Raises `ValueError` for anything else."""
    positional = ast.parse(args, mode="eval").body
    keywords = ast.parse(kwargs, mode="eval").body
    if not isinstance(positional, ast.Tuple) or not isinstance(keywords, ast.Dict):
        raise ValueError(f"no tuple and dict displays: {args}, {kwargs}")
    parts = [ast.unparse(item) for item in positional.elts]
    for key, value in zip(keywords.keys, keywords.values, strict=True):
        name = ast.literal_eval(key) if key is not None else "**"
        parts.append(f"{name}={ast.unparse(value)}")
    return f"{function}({', '.join(parts)})"
