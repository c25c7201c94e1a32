"""How alike two briefs are: by meaning with an embedder, by words without one.

Which of the two is in use is never hidden: it has a name that listings and runs show.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from qlayer.llm.base import Embedder
from qlayer.store.base import Memories, Vector
from qlayer.types.memory import Correction

_WORD = re.compile(r"[A-Za-z]+|\d+")


class Similarity(Protocol):
    """Compares a brief with those of corrections."""

    name: str
    threshold: float
    """Two briefs that score less are about different things."""

    async def scores(self, brief: str, corrections: Sequence[Correction]) -> Sequence[float]:
        """One number from 0 to 1 for each correction. Raises `StoreError`, `LLMError`."""
        ...


class LexicalSimilarity:
    """Cosine of TF-IDF weights over lower-case words (identifiers are split at underscores and capitals).

    The fallback where no embedder is installed: it finds the same words, not the same meaning.
    """

    name = "lexical (TF-IDF cosine)"
    threshold = 0.2

    async def scores(self, brief: str, corrections: Sequence[Correction]) -> Sequence[float]:
        bags = [_words(text) for text in (brief, *(c.brief for c in corrections))]
        documents = Counter(word for bag in bags for word in bag)
        weights = [
            {word: count * math.log(1 + len(bags) / documents[word]) for word, count in bag.items()}
            for bag in bags
        ]
        return [_cosine(weights[0], other) for other in weights[1:]]


class EmbeddedSimilarity:
    """Cosine of an embedder's vectors; those of corrections are made once and kept."""

    threshold = 0.45

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


def _words(text: str) -> Counter[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return Counter(word.lower() for word in _WORD.findall(spaced))


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    norm = math.hypot(*one.values()) * math.hypot(*other.values())
    return sum(weight * other.get(word, 0.0) for word, weight in one.items()) / norm if norm else 0.0


def _dot(one: Vector, other: Vector) -> float:
    """Embedders give vectors of length 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))
