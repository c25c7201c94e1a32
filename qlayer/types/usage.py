"""What a run may spend and what it spent."""

from __future__ import annotations

from pydantic import Field

from qlayer.types.frozen import Frozen


class TokenUsage(Frozen):
    """Tokens of one or more generations."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that were not computed again because a prefix was cached."""

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
        )


class ResourceUsage(Frozen):
    """What one sandbox run used. Zero means that it was not measured or nothing was used."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_peak_bytes: int = 0
    output_bytes: int = 0


class Budget(Frozen):
    """What one run may spend: generated tokens and wall seconds."""

    tokens: int = Field(default=6_000, ge=1, le=10_000_000)
    """Generated (completion) tokens."""
    seconds: float = Field(default=180.0, gt=0, le=86_400)
    """Wall seconds of work, summed over resumes."""
