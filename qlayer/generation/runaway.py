"""Notices, while an answer is still being written, that nothing of use will follow.

Small models at times repeat themselves until their tokens end, or go on with explanations and further code
after the block that was asked for. Both are cut off: tokens that are not generated cost nothing.
"""

from __future__ import annotations

import re
from typing import Literal

from qlayer.generation.extract import GRAM

REPEATS = 3
"""A run of `GRAM` words that comes so often is degenerate; tables and unrolled code come twice."""
_FENCE = re.compile(r"^[ \t]*(?:```+|~~~+)", re.M)

Cut = Literal["repetition", "second fence"]


class RunawayWatch:
    """Reads one answer as it comes. The answer counts as finished once the watch has cut it."""

    def __init__(self, function: str) -> None:
        self._defines = re.compile(rf"\bdef\s+{re.escape(function.rpartition('.')[2])}\s*\(")
        self._text = ""
        self._unfinished = ""
        self._words: list[str] = []
        self._seen: dict[tuple[str, ...], tuple[int, int]] = {}

    def feed(self, text: str) -> Cut | None:
        """Take the next piece; says why the answer is to be cut here, None to go on."""
        self._text += text
        if ("`" in text or "~" in text) and self._second_fence():
            return "second fence"
        return "repetition" if self._repeats(text) else None

    def _second_fence(self) -> bool:
        """Whether a block opens after one that was closed and holds the function."""
        fences = list(_FENCE.finditer(self._text))
        if len(fences) < 3:
            return False
        return self._defines.search(self._text[fences[0].end() : fences[1].start()]) is not None

    def _repeats(self, text: str) -> bool:
        """Whether a run of words, finished by this piece, has come `REPEATS` times without overlap."""
        *done, self._unfinished = re.split(r"\s+", self._unfinished + text)
        return any(self._word_repeats(word) for word in done if word)

    def _word_repeats(self, word: str) -> bool:
        self._words.append(word)
        if len(self._words) < GRAM:
            return False
        at, gram = len(self._words), tuple(self._words[-GRAM:])
        count, last = self._seen.get(gram, (0, -GRAM))
        if at - last >= GRAM:
            count, last = count + 1, at
            self._seen[gram] = count, last
        return count >= REPEATS
