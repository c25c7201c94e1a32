"""The `model-serving` family: one prediction function behind a Ray Serve deployment."""

import re
from pathlib import Path

from qlayer.generation.templates.adapted import AdaptedFunction, Adapter

MODEL_SERVING = AdaptedFunction(
    Adapter(
        name="model-serving",
        summary="a Ray Serve application around one prediction function, with its tests",
        folder=Path(__file__).parent,
        speaks=re.compile(
            r"\bRay Serve\b|\bserv(?:e|es|ing) (?:a|the|its) (?:\w+ )?model\b|\bmodel[- ]serving\b", re.I
        ),
        module="serving",
        tests=(
            "test_one_input_gives_one_prediction",
            "test_a_batch_keeps_its_order",
            "test_a_wrong_input_names_its_place",
            "test_a_failure_of_one_input_is_told_without_its_inside",
        ),
    )
)

__all__ = ["MODEL_SERVING"]
