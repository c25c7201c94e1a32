"""How hard the loop tries, by size of the model. Argued in docs/decisions/0006-waves.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qlayer.generation.sampler import TEMPERATURE, TOP_P
from qlayer.types.frozen import Frozen
from qlayer.validation.advice import Kinds

NOTHING = Kinds(quality=False, performance=False, security=False)


class LoopPolicy(Frozen):
    """Bounds of the loop for one slot."""

    sample_tokens: int = Field(default=512, ge=16)
    """Cap on generated tokens of one sample."""
    waves: tuple[Annotated[int, Field(ge=1, le=64)], ...] = (3, 4)
    """Samples drawn side by side, wave after wave, beside the greedy one. None: the greedy one alone."""
    temperature: float = Field(default=TEMPERATURE, ge=0, le=2)
    top_p: float = Field(default=TOP_P, gt=0, le=1)
    """Both for the samples of a wave; sample 0 and repairs are greedy."""
    confirm: int = Field(default=2, ge=1)
    """A greedy sample that passes everything is accepted when so many samples behave alike, itself included;
    1: at once."""
    quorum: int = Field(default=3, ge=2)
    """After a greedy sample that failed, waves stop at so many samples that pass and behave alike."""
    selector: Literal["ours", "first", "random"] = "ours"
    """Who chooses among the candidates, of `qlayer.validation.selection`; the others are there to compare."""
    autofix: bool = True
    """What is wrong in form only is put right before the gate sees it."""
    repair_rounds: int = Field(default=2, ge=0)
    repair_candidates: int = Field(default=3, ge=0)
    """Each of the best so many groups is represented by one candidate in every round."""
    repairs_answers: bool = False
    """A wrong answer is repaired with the program in view; else it is resampled with the example."""
    max_told: int = Field(default=2, ge=1)
    """The same error is told the model at most so often, whatever program made it."""
    other_words: bool = True
    """When nothing is left to tell, the model is asked once more in other words."""
    free_layout: bool = False
    """Where no template fits well, the model may propose the files itself."""
    block_edits: bool = False
    """A file that was refused is corrected by search/replace blocks; else it is written again, whole."""
    soft_asserts: bool = True
    """A tie is put to asserts that the model writes."""
    refine: Kinds = NOTHING
    """What of a right program's assessment the model is told, once. The report always has all of it."""
    tokens: int = Field(default=6_000, ge=1)
    """Generated tokens that one slot may cost, within the run's budget."""
    seconds: float = Field(default=180.0, gt=0)
    """Wall seconds that one slot may take, within the run's budget."""

    @property
    def samples(self) -> int:
        """At most so many before repairs, the greedy one included."""
        return 1 + sum(self.waves)

    def overridden(self, by: LoopPolicy) -> LoopPolicy:
        """This policy with those fields of `by` that it was explicitly given."""
        return self.model_copy(update={name: getattr(by, name) for name in by.model_fields_set})


SMALL = LoopPolicy(
    sample_tokens=400, waves=(3, 2), repair_rounds=1, repair_candidates=2, tokens=4_000, seconds=120
)
"""Up to about 1B parameters: repair gains nothing there, fresh samples do."""
MEDIUM = LoopPolicy()
LARGE = LoopPolicy(sample_tokens=768, repairs_answers=True, free_layout=True, tokens=10_000, seconds=180)
"""From about 7B: repair starts to pay."""
LARGEST = LoopPolicy(
    sample_tokens=1_024,
    waves=(3,),
    repair_rounds=3,
    repair_candidates=2,
    repairs_answers=True,
    free_layout=True,
    block_edits=True,
    tokens=12_000,
    seconds=180,
)
"""From about 14B."""


def policy_for(parameters_b: float | None) -> LoopPolicy:
    """The policy for a model with this many billion parameters (None: unknown, treated as medium)."""
    if parameters_b is None:
        return MEDIUM
    if parameters_b < 1:
        return SMALL
    if parameters_b < 7:
        return MEDIUM
    return LARGE if parameters_b < 14 else LARGEST
