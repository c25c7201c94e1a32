"""Arguments for one function, as literals: first what a model listed, then the edges of the examples, then
relatives of the examples and fresh values of the parameters' shapes in turn."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from random import Random
from typing import Any

from qlayer.types.spec import Example
from qlayer.validation.inputs.hints import mentioned, read_hints
from qlayer.validation.inputs.relations import kept, relations_of
from qlayer.validation.inputs.shape import Shape, annotated, observed, refined
from qlayer.validation.inputs.values import Drawer, Pool

MAX_INPUT_CHARS = 2_000
_MAX_DRAWS = 4_000
"""After so many draws a small domain counts as exhausted."""
_ABSENT = object()


def draw_inputs(
    head: str,
    examples: Sequence[Example],
    *,
    count: int,
    seed: int = 0,
    listed: Sequence[str] = (),
    brief: str = "",
) -> tuple[str, ...]:
    """At most `count` different argument tuples for a function, none of them an example's.

    `head` is its ``def`` line; `examples` are calls known to be legal; `listed` are tuples that a model wrote
    (those that are no literal or do not fit the parameters are passed over); `brief` is the request in words,
    whose hints are followed. Fewer than `count` come back only when the parameters allow no more.
    Deterministic in all its arguments.
    """
    parameters = _parameters(head)
    legal = [args for args in map(_literal, (example.args for example in examples)) if args is not None]
    hints = read_hints(brief)
    known = legal or list(mentioned(brief, len(parameters)))
    shapes = _shapes(parameters, known)
    drawer = Drawer(Random(f"{seed} {head}"), Pool(known, hints))
    relations = relations_of(known, hints)
    seen = {repr(args) for args in legal}
    drawn: list[str] = []
    given = (args for args in map(_literal, listed) if args is not None and len(args) == len(parameters))
    edges = islice(_edges(drawer, known), count // 2)
    made = (kept(args, relations) for args in chain(known, edges, _endless(drawer, shapes, known)))
    for args in chain(given, made):
        if len(drawn) == count:
            break
        text = repr(args)
        if text not in seen and len(text) <= MAX_INPUT_CHARS:
            seen.add(text)
            drawn.append(text)
    return tuple(drawn)


def _edges(drawer: Drawer, known: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """One argument of an example at its edge, the others as they were; the examples in turn."""
    tracks = [
        [(*base[:at], edge, *base[at + 1 :]) for at in range(len(base)) for edge in drawer.edges(base[at])]
        for base in known
    ]
    for row in zip_longest(*tracks):
        yield from (args for args in row if args is not None)


def _endless(
    drawer: Drawer, shapes: Sequence[Shape], known: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """Relatives of examples and fresh inputs in turn: two relatives for each fresh one."""
    if not shapes and not known:
        return
    for number in range(_MAX_DRAWS):
        if known and number % 3:
            base = drawer.crossed(known) if number % 5 == 0 else known[number % len(known)]
            yield drawer.mutated(base) if number % 2 else drawer.mutated(drawer.mutated(base))
        else:
            yield tuple(drawer.fresh(shape) for shape in shapes)


def _shapes(parameters: Sequence[ast.arg], known: Sequence[tuple[Any, ...]]) -> list[Shape]:
    """One shape for each parameter that must be given, refined by the values that examples give it."""
    columns = list(zip_longest(*known, fillvalue=_ABSENT))[: len(parameters)]
    columns += [()] * (len(parameters) - len(columns))
    return [
        refined(annotated(parameter.annotation), observed(value for value in column if value is not _ABSENT))
        for parameter, column in zip(parameters, columns, strict=True)
    ]


def _parameters(head: str) -> list[ast.arg]:
    """The positional parameters that must be given; empty when the head does not parse."""
    try:
        (function,) = ast.parse(f"{head.rstrip().rstrip(':')}:\n    pass\n").body
    except (SyntaxError, ValueError):
        return []
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    positional = [*function.args.posonlyargs, *function.args.args]
    return positional[: len(positional) - len(function.args.defaults)]


def _literal(text: str) -> tuple[Any, ...] | None:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value if isinstance(value, tuple) else None
