"""How hard the loop tries, by size of the model. Argued in docs/decisions/0003-loop.md."""

from __future__ import annotations

from pydantic import Field

from qlayer.types.frozen import Frozen


class LoopPolicy(Frozen):
    """Bounds of the loop for one slot."""

    sample_tokens: int = Field(default=512, ge=16)
    """Cap on generated tokens of one sample."""
    max_repairs: int = Field(default=2, ge=0)
    """Crash repairs: the model sees its program and the error."""
    max_resamples: int = Field(default=3, ge=0)
    """Fresh programs, written with a failing example in view."""
    resample_temperature: float = Field(default=0.8, ge=0, le=2)
    resample_top_p: float = Field(default=0.95, gt=0, le=1)
    max_repeats: int = Field(default=2, ge=1)
    """Stop when this many answers in a row were programs that had been tried before."""


SMALL = LoopPolicy(sample_tokens=400, max_repairs=1, max_resamples=3)
"""Up to about 1B parameters: repair gains nothing there, fresh samples do."""
MEDIUM = LoopPolicy()
LARGE = LoopPolicy(sample_tokens=1_024, max_repairs=3, max_resamples=3)
"""From about 7B: repair starts to pay."""


def policy_for(parameters_b: float | None) -> LoopPolicy:
    """The policy for a model with this many billion parameters (None: unknown, treated as medium)."""
    if parameters_b is None:
        return MEDIUM
    if parameters_b < 1:
        return SMALL
    return MEDIUM if parameters_b < 7 else LARGE
