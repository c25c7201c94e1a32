"""Which corrected functions are shown beside a task: the one or two most like it, if any is."""

from __future__ import annotations

from collections.abc import Sequence

from qlayer.memory.similarity import Similarity
from qlayer.types.memory import Correction, Hint

MAX_HINTS = 2
MAX_HINT_CHARS = 1_600
"""Of all hints of a prompt together: about 400 tokens, no more than the task itself."""


async def retrieve(
    brief: str, template: str, corrections: Sequence[Correction], similarity: Similarity
) -> tuple[Hint, ...]:
    """The corrections of this template that are most like `brief`, best first.

    `corrections` are those in force. One that does not fit into what is left of the room is passed over;
    of equal programs one is shown, of equal scores the newest.
    """
    fitting = [correction for correction in reversed(corrections) if correction.template == template]
    if not fitting:
        return ()
    scores = await similarity.scores(brief, fitting)
    ranked = sorted(zip(scores, fitting, strict=True), key=lambda pair: -pair[0])
    hints: list[Hint] = []
    room = MAX_HINT_CHARS
    for score, correction in ranked:
        cost = len(correction.brief) + len(correction.right)
        shown = any(hint.code == correction.right for hint in hints)
        if score < similarity.threshold or len(hints) == MAX_HINTS or shown or cost > room:
            continue
        room -= cost
        hints.append(
            Hint(memory=correction.id, score=round(score, 4), brief=correction.brief, code=correction.right)
        )
    return tuple(hints)
