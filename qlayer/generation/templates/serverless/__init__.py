"""The `serverless` family: one function behind an AWS Lambda handler."""

import re
from pathlib import Path

from qlayer.generation.templates.adapted import AdaptedFunction, Adapter

SERVERLESS = AdaptedFunction(
    Adapter(
        name="serverless",
        summary="an AWS Lambda handler around one function, with a local call and tests",
        folder=Path(__file__).parent,
        speaks=re.compile(r"\bAWS Lambda\b|\bLambda (?:function|handler)\b|\bserverless\b", re.I),
        module="handler",
        tests=(
            "test_a_plain_event_is_answered",
            "test_an_http_event_is_answered_as_http",
            "test_what_cannot_be_called_is_the_callers_fault",
            "test_a_failure_is_ours_and_says_nothing_of_its_inside",
        ),
    )
)

__all__ = ["SERVERLESS"]
