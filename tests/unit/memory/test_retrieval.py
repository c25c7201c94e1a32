"""Which corrections are shown beside a task."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from memory_samples import sample_correction

from qlayer.memory.retrieval import MAX_HINT_CHARS, MAX_HINTS, retrieve
from qlayer.memory.similarity import EmbeddedSimilarity, LexicalSimilarity
from qlayer.store.fake import FakeMemories
from qlayer.types.memory import Correction


class Given:
    """A similarity that was written down."""

    name = "given"
    threshold = 0.5

    def __init__(self, scores: dict[str, float]) -> None:
        self._scores = scores

    async def scores(self, brief: str, corrections: Sequence[Correction]) -> Sequence[float]:
        return [self._scores[correction.brief] for correction in corrections]


class TwoDimensions:
    """An embedder: how much of a text is about money. It counts what it is asked."""

    name = "two dimensions"

    def __init__(self) -> None:
        self.asked = 0

    async def embed(self, texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        self.asked += len(texts)
        return tuple((1.0, 0.0) if "money" in text else (0.0, 1.0) for text in texts)


def corrections(**codes: str) -> list[Correction]:
    return [sample_correction(name, brief=name, right=code) for name, code in codes.items()]


async def found(known: Sequence[Correction], scores: dict[str, float]) -> list[str]:
    return [hint.brief for hint in await retrieve("task", "function", known, Given(scores))]


async def test_the_most_alike_are_shown_best_first_and_at_most_two() -> None:
    known = corrections(a="1", b="2", c="3", d="4")
    assert await found(known, {"a": 0.6, "b": 0.9, "c": 0.7, "d": 0.1}) == ["b", "c"]
    assert MAX_HINTS == 2


async def test_what_is_not_alike_is_not_shown() -> None:
    assert await found(corrections(a="1"), {"a": 0.49}) == []
    assert await found([], {}) == []
    service = [sample_correction("a", brief="a", template="service")]
    assert await found(service, {"a": 1.0}) == []


async def test_the_room_is_kept_and_the_next_one_that_fits_is_taken() -> None:
    known = corrections(long="x" * MAX_HINT_CHARS, short="y")
    assert await found(known, {"long": 0.9, "short": 0.8}) == ["short"]


async def test_the_same_program_is_shown_once() -> None:
    assert await found(corrections(a="1", b="1", c="2"), {"a": 0.9, "b": 0.8, "c": 0.7}) == ["a", "c"]


async def test_words_tell_briefs_apart() -> None:
    known = corrections(**{"check the age of a person, def check_age(age)": "1", "sort a list of words": "2"})
    scores = await LexicalSimilarity().scores("check the height of a person: def checkHeight(x)", known)
    assert scores[0] > LexicalSimilarity.threshold > scores[1]
    assert await LexicalSimilarity().scores("", known) == [0.0, 0.0]
    same = await LexicalSimilarity().scores("sort a list of words", known)
    assert same[1] == pytest.approx(1.0)


async def test_vectors_of_corrections_are_made_once() -> None:
    memories, embedder = FakeMemories(), TwoDimensions()
    known = corrections(**{"money one": "1", "trees": "2"})
    for correction in known:
        await memories.remember(correction)
    similarity = EmbeddedSimilarity(embedder, memories)
    assert await similarity.scores("money", known) == [1.0, 0.0]
    assert embedder.asked == 3
    assert await similarity.scores("money", known) == [1.0, 0.0]
    assert embedder.asked == 4, "only the task's own brief"
