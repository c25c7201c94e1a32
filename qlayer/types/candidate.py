"""A program that a model wrote, with where it came from."""

from __future__ import annotations

from pydantic import Field

from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, ModelId
from qlayer.types.usage import TokenUsage


class Sampling(Frozen):
    """How tokens were chosen. Temperature 0 is greedy."""

    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=512, ge=1)
    stop: tuple[str, ...] = ()
    seed: int | None = None


class Diagnosis(Frozen):
    """Something the static gate found. A fatal one means that the candidate is not run."""

    rule: str
    """For example ``syntax``, ``F821`` (undefined name), ``signature``, ``denied-import``."""
    message: str
    line: int | None = None
    fatal: bool = True


class Candidate(Frozen):
    """A slot's filling, ready to be checked: code after extraction and autofix."""

    slot: str
    code: str
    tree: Digest | None = None
    """The whole project with this filling; None when the code does not parse and nothing was spliced."""
    ast_digest: Digest | None = None
    """Digest of the normalised syntax tree; equal for programs that differ in layout only."""
    model: ModelId
    prompt: Digest
    sampling: Sampling
    usage: TokenUsage
    fixes: tuple[str, ...] = ()
    """Names of the automatic fixes that changed it, in order."""
    diagnoses: tuple[Diagnosis, ...] = ()

    @property
    def runnable(self) -> bool:
        return self.tree is not None and not any(d.fatal for d in self.diagnoses)
