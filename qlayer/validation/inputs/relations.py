"""What all examples have in common without saying it, kept true in what is drawn.

A list beside its length, two lists of one length, sorted lists, numbers that are never negative: programs
that are equally right differ outside of such preconditions, and inputs there say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qlayer.types.frozen import Frozen
from qlayer.validation.inputs.hints import Hints

_MIN_LENGTH = 2
"""A number that equals the length of a shorter list does so by chance."""


class Relations(Frozen):
    """Facts about arguments by their positions."""

    lengths: tuple[tuple[int, int], ...] = ()
    """The first, a number, is the second's length."""
    equal: tuple[tuple[int, int], ...] = ()
    """Two lists of one length."""
    ascending: tuple[int, ...] = ()
    least: int | None = None
    """The smallest integer that any argument may hold."""


def relations_of(known: Sequence[tuple[Any, ...]], hints: Hints) -> Relations:
    """What holds in every known argument tuple, and is said where one example could be chance."""
    arity = min(map(len, known), default=0)
    places = range(arity)
    lists = [at for at in places if all(isinstance(args[at], list | str | tuple) for args in known)]
    numbers = [at for at in places if all(type(args[at]) is int for args in known)]
    return Relations(
        lengths=tuple(
            (number, at)
            for number in numbers
            for at in lists
            if all(args[number] == len(args[at]) for args in known)
            and any(len(args[at]) >= _MIN_LENGTH for args in known)
        ),
        equal=tuple(
            (one, other)
            for one in lists
            for other in lists
            if one < other and all(len(args[one]) == len(args[other]) for args in known)
        )
        if len(known) > 1
        else (),
        ascending=tuple(
            at for at in lists if hints.ascending and all(_is_ascending(args[at]) for args in known)
        ),
        least=hints.least if all(_least(args) >= (hints.least or 0) for args in known) else None,
    )


def kept(args: tuple[Any, ...], relations: Relations) -> tuple[Any, ...]:
    """The arguments, changed where they break a relation."""
    values = list(args)
    if relations.least is not None:
        values = [_raised(value, relations.least) for value in values]
    for one, other in relations.equal:
        shorter = min(len(values[one]), len(values[other]))
        values[one], values[other] = values[one][:shorter], values[other][:shorter]
    for at in relations.ascending:
        values[at] = _sorted(values[at])
    for number, at in relations.lengths:
        values[number] = len(values[at])
    return tuple(values)


def _is_ascending(value: Any) -> bool:
    return isinstance(value, list) and bool(_sorted(value) == value)


def _sorted(value: Any) -> Any:
    try:
        return sorted(value) if isinstance(value, list) else value
    except TypeError:
        return value


def _least(value: Any) -> int:
    """The smallest integer inside; 0 when there is none below."""
    if type(value) is int:
        return value
    if isinstance(value, list | tuple):
        return min(map(_least, value), default=1)
    return 1


def _raised(value: Any, least: int) -> Any:
    if type(value) is int:
        return max(abs(value), least)
    if isinstance(value, list | tuple):
        return type(value)(_raised(item, least) for item in value)
    return value
