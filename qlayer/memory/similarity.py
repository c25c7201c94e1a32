"""How alike two briefs are: by meaning with an embedder, by words without one.

Which of the two is in use is never hidden: it has a name that listings and runs show.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Protocol

from qlayer.llm.base import Embedder
from qlayer.store.base import Memories, Vector
from qlayer.types.memory import Correction

_WORD = re.compile(r"[A-Za-z]+")
_COMMON = frozenset(
    _WORD.findall(
        "a an and any are as be bool by def dict float for from function given if in int is it list none "
        "object of on or return returns str that the to tuple with"
    )
)
"""Words of any brief and of any function's head."""


class Similarity(Protocol):
    """Compares a brief with those of corrections."""

    name: str
    threshold: float
    """Two briefs that score less are about different things."""

    async def scores(self, brief: str, corrections: Sequence[Correction]) -> Sequence[float]:
        """One number from 0 to 1 for each correction. Raises `StoreError`, `LLMError`."""
        ...


class LexicalSimilarity:
    """Words in common: the cosine of two sets of lower-case words (identifiers are split into theirs).

    The fallback where no embedder is installed: it finds the same words, not the same meaning. How rare a
    word is does not count: among a few corrections of one kind the kind's own words are the frequent ones.
    """

    name = "lexical (words in common)"
    threshold = 0.5
    """Measured with the forty briefs of `jobs.house_briefs`: held-out ones score 0.80 and more against the
    corrected ones, the 164 tasks of HumanEval at most 0.23."""

    async def scores(self, brief: str, corrections: Sequence[Correction]) -> Sequence[float]:
        wanted = _words(brief)
        return [_overlap(wanted, _words(correction.brief)) for correction in corrections]


class EmbeddedSimilarity:
    """Cosine of an embedder's vectors; those of corrections are made once and kept."""

    threshold = 0.55
    """Of all-MiniLM-L6-v2, measured as above: held-out briefs 0.63 and more, HumanEval (28 tasks) at most
    0.40, a brief about checking a password 0.58."""

    def __init__(self, embedder: Embedder, memories: Memories) -> None:
        self.name = embedder.name
        self._embedder = embedder
        self._memories = memories

    async def scores(self, brief: str, corrections: Sequence[Correction]) -> Sequence[float]:
        known = dict(await self._memories.vectors(self.name))
        new = [correction for correction in corrections if correction.id not in known]
        vectors = await self._embedder.embed([brief, *(correction.brief for correction in new)])
        made = {correction.id: vector for correction, vector in zip(new, vectors[1:], strict=True)}
        await self._memories.keep_vectors(self.name, made)
        known |= made
        return [max(0.0, _dot(vectors[0], known[correction.id])) for correction in corrections]


def _words(text: str) -> frozenset[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return frozenset(word.lower() for word in _WORD.findall(spaced)) - _COMMON


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / math.sqrt(len(one) * len(other)) if one and other else 0.0


def _dot(one: Vector, other: Vector) -> float:
    """Embedders give vectors of length 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))
