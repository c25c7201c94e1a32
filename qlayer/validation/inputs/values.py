"""Drawing values: fresh ones of a shape, and near relatives of values that are known to be legal.

A mutation keeps what examples show without saying it (the letters that strings are made of, the size of
numbers, equal lengths), so most mutated inputs respect preconditions that nobody wrote down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from qlayer.validation.inputs.hints import Hints
from qlayer.validation.inputs.shape import SCALARS, Shape

MAX_ITEMS = 8
MAX_DEPTH = 6
"""Deeper inside a value nothing is changed: every list on the way down is changed in two ways, so that the
work would double with each level."""
NO_HINTS = Hints()
_NUMBERS = (0, 1, -1, 2, 3, 5, 7, 10, 12, 20, 100)
_USUAL_INT = 60
"""Large enough to tell programs apart, small enough for one that counts to it in the slowest way."""
_FEW_LETTERS = 4
"""Strings of more different letters are text, which may hold a blank; of fewer, a code like ACGT."""
_MONTHS = "January February March April May June July August September October November December"
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_SERIES = tuple(tuple(names.split()) for names in (_MONTHS, _DAYS))
"""Whoever knows one of these words knows the others."""
_LETTERS = "abcxyzABC 019_-.,"
_WORDS = ("", "a", "ab", "hello world", "Hello, World!", "aaaa", "12", "x1y2")
_SEPARATORS = (" ", ",", ".", "-")
_GUESSES = ("int", "str")
"""For a parameter of which nothing is known."""


class Pool:
    """The scalars seen in examples: fresh values are drawn near them and what the request's words name."""

    def __init__(self, values: Iterable[Any], hints: Hints = NO_HINTS) -> None:
        self.ints: list[int] = []
        self.floats: list[float] = []
        self.strings: list[str] = []
        self.words = hints.words
        self.numbers = tuple(number + step for number in hints.numbers for step in (0, 1, -1))
        for value in values:
            self._add(value)
        self.alphabet = "".join(sorted(set("".join(self.strings)))) or _LETTERS
        if sum(map(str.isalpha, self.alphabet)) > _FEW_LETTERS:
            self.alphabet += " "
        self.words += tuple(word for series in _SERIES if set(series) & set(self.strings) for word in series)
        self.largest = max((abs(number) for number in self.ints), default=0)

    def _add(self, value: Any) -> None:
        if isinstance(value, bool):
            return
        if isinstance(value, int):
            self.ints.append(value)
        elif isinstance(value, float):
            self.floats.append(value)
        elif isinstance(value, str):
            self.strings.append(value)
        elif isinstance(value, list | tuple | set | frozenset):
            for item in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
                self._add(item)
        elif isinstance(value, dict):
            self._add([*value.keys(), *value.values()])


class Drawer:
    """Draws values with one source of randomness."""

    def __init__(self, random: Random, pool: Pool) -> None:
        self._random = random
        self._pool = pool

    def fresh(self, shape: Shape) -> Any:
        """A value of the shape."""
        random = self._random
        if shape.kind == "union":
            return self.fresh(random.choice(shape.parts))
        if shape.kind in SCALARS:
            return self._scalar(shape.kind)
        if shape.kind == "tuple":
            return tuple(self.fresh(part) for part in shape.parts)
        if shape.kind == "any":
            return self._scalar(random.choice(_GUESSES))
        inside = shape.parts or tuple(Shape(kind=kind) for kind in ("int",) * 2)
        size = random.choice((0, 1, 2, 3, 3, 4, 5, MAX_ITEMS))
        if shape.kind == "dict":
            return {_hashable(self.fresh(inside[0])): self.fresh(inside[-1]) for _ in range(size)}
        items = [self.fresh(inside[0]) for _ in range(size)]
        if shape.kind == "set":
            return {_hashable(item) for item in items}
        return items

    def edges(self, value: Any) -> list[Any]:
        """The value made empty, single, double, reversed, sorted, zero, one, one more and one less."""
        if isinstance(value, bool):
            return [not value]
        if isinstance(value, int):
            return [0, 1, -1, 2, value + 1, value - 1]
        if isinstance(value, float):
            return [0.0, 1.0, -value, value + 0.5]
        if isinstance(value, str):
            return ["", value[:1], value + value, value[::-1], value.swapcase(), value[:-1]]
        if isinstance(value, list):
            ordered = sorted(value, key=lambda item: (str(type(item)), repr(item)))
            return [[], value[:1], value + value, value[::-1], ordered, value[:-1], value[:1] * 3]
        if isinstance(value, dict):
            return [{}, dict(list(value.items())[:1])]
        return [set()] if isinstance(value, set) else []

    def crossed(self, known: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        """Each argument out of any of the known tuples."""
        return tuple(self._random.choice(column) for column in zip(*known, strict=False))

    def mutated(self, value: Any, depth: int = 0) -> Any:
        """A relative of the value: of the same type, changed in one place or as a whole.

        `depth` counts the containers around it; below `MAX_DEPTH` of them it stays as it is.
        """
        if depth > MAX_DEPTH:
            return value
        if isinstance(value, bool) or value is None:
            return not value if isinstance(value, bool) else None
        if isinstance(value, int):
            return self._near(value)
        if isinstance(value, float):
            return round(
                value * self._random.choice((0.0, 0.5, -1.0, 2.0)) + self._random.choice((0, 0.5)), 6
            )
        if isinstance(value, str):
            return self._string_near(value)
        if isinstance(value, list):
            return self._list_near(value, depth)
        if isinstance(value, tuple):
            return self._one_changed(value, depth)
        if isinstance(value, set):
            return {_hashable(item) for item in self._list_near(sorted(value, key=repr), depth)}
        if isinstance(value, dict) and value:
            key = self._random.choice(sorted(value, key=repr))
            return {**value, key: self.mutated(value[key], depth + 1)}
        return value

    def _scalar(self, kind: str) -> Any:
        random, pool = self._random, self._pool
        if kind == "int":
            known = [*_NUMBERS, *pool.ints, *pool.numbers]
            return random.choice((random.choice(known), random.randint(0, max(_USUAL_INT, 3 * pool.largest))))
        if kind == "float":
            return random.choice((*pool.floats, 0.0, 1.0, -1.5, 2.5, round(random.uniform(-10, 10), 3)))
        if kind == "bool":
            return random.random() < 0.5
        if kind == "None":
            return None
        text = self._text()
        return text.encode() if kind == "bytes" else text

    def _text(self) -> str:
        random = self._random
        if self._pool.words and random.random() < 0.25:
            return random.choice(self._pool.words)
        if self._pool.strings and random.random() < 0.4:
            return self._string_near(random.choice(self._pool.strings))
        if not self._pool.strings and random.random() < 0.4:
            return random.choice(_WORDS)
        return "".join(random.choice(self._pool.alphabet) for _ in range(random.randint(0, 9)))

    def _near(self, number: int) -> int:
        return self._random.choice(
            (number + 1, number - 1, 0, 1, -number, number * 2, number // 2, number + 7)
        )

    def _string_near(self, text: str) -> str:
        if text in self._pool.words and self._random.random() < 0.5:
            return self._random.choice(self._pool.words)
        separator = next((mark for mark in _SEPARATORS if mark in text), None)
        if separator is not None and self._random.random() < 0.5:
            return separator.join(self._words_near(text.split(separator)))
        at = self._random.randrange(len(text)) if text else 0
        letter = self._random.choice(self._pool.alphabet)
        return self._random.choice(
            (
                "",
                text[:at] + text[at + 1 :],
                text[:at] + letter + text[at:],
                text[:at] + letter + text[at + 1 :],
                text[::-1],
                text + text,
                text.swapcase(),
                text[:at],
                text + " " + text[at:] if " " in text else text[at:],
            )
        )

    def _words_near(self, words: list[str]) -> list[str]:
        """Words in another order, one fewer, one twice, one more or another one."""
        random, at = self._random, self._random.randrange(len(words))
        other = random.choice(self._pool.words or words)
        return random.choice(
            (
                random.sample(words, len(words)),
                [*words[:at], *words[at + 1 :]],
                [*words, words[at]],
                [*words, other],
                [*words[:at], other, *words[at + 1 :]],
                [*words[:at], self._string_near(words[at]), *words[at + 1 :]],
            )
        )

    def _list_near(self, items: list[Any], depth: int) -> list[Any]:
        random = self._random
        if not items:
            return [self._scalar("int")] if self._pool.ints else []
        at = random.randrange(len(items))
        changed = [*items[:at], self.mutated(items[at], depth + 1), *items[at + 1 :]]
        ways = [changed, changed, [], items[:1], items[::-1], items + items, [*items, items[at]]]
        ways += [items[:at] + items[at + 1 :], [self.mutated(item, depth + 1) for item in items]]
        with_order = sorted(items, key=lambda item: (str(type(item)), repr(item)))
        return random.choice([*ways, with_order])

    def _one_changed(self, items: tuple[Any, ...], depth: int) -> tuple[Any, ...]:
        if not items:
            return items
        numbers = all(type(item) is int for item in items)
        if numbers and len(items) > 1 and self._random.random() < 0.25:
            factor = self._random.choice((1, 2, 3))
            return tuple(factor * item for item in self._random.sample(items, len(items)))
        at = self._random.randrange(len(items))
        return (*items[:at], self.mutated(items[at], depth + 1), *items[at + 1 :])


def _hashable(value: Any) -> Any:
    """The value as a key: lists become tuples, sets sorted tuples."""
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, set | dict):
        return tuple(sorted((_hashable(item) for item in value), key=repr))
    return value
