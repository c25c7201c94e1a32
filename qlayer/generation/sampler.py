"""Which samples are drawn for a slot, and in what order.

Sample 0 is greedy. The others are drawn at one temperature, with the phrasings taken in turn, so that samples
of one phrasing share their prompt and with it the server's cached prefix. A sample is named by its index and
the run's seed alone: the same two numbers ask the same question with the same dice.
"""

from __future__ import annotations

from qlayer.generation.base import Slot
from qlayer.generation.prompt import PHRASINGS, greedy_prompt
from qlayer.llm.base import Message
from qlayer.types.candidate import Sampling
from qlayer.types.frozen import Frozen
from qlayer.types.spec import Spec

TEMPERATURE = 0.8
TOP_P = 0.95
"""Both from LOOP.md: of 33 tasks that a 1.5B failed greedily, 22 were right in one of six such samples."""
_SEEDS_APART = 1_000


class Draw(Frozen):
    """One sample to ask for."""

    index: int
    messages: tuple[Message, ...]
    sampling: Sampling


def draw(
    slot: Slot,
    spec: Spec,
    index: int,
    *,
    max_tokens: int,
    seed: int = 0,
    temperature: float = TEMPERATURE,
    top_p: float = TOP_P,
) -> Draw:
    """Sample `index` (0: greedy) of a slot under a run's `seed`."""
    if index == 0:
        return Draw(index=0, messages=greedy_prompt(slot, spec), sampling=Sampling(max_tokens=max_tokens))
    sampling = Sampling(
        max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed * _SEEDS_APART + index
    )
    messages = greedy_prompt(slot, spec, phrasing=(index - 1) % len(PHRASINGS))
    return Draw(index=index, messages=messages, sampling=sampling)
