"""The `worker` family: messages of a NATS JetStream subject, each given to one function."""

import re
from pathlib import Path

from qlayer.generation.templates.adapted import AdaptedFunction, Adapter

WORKER = AdaptedFunction(
    Adapter(
        name="worker",
        summary="a NATS JetStream consumer around one function, with its tests",
        folder=Path(__file__).parent,
        speaks=re.compile(
            r"\bNATS\b|\bJetStream\b|\bmessage queue\b"
            r"|\bworker\b[^.]*\b(?:messages|jobs|events|subject|queue)\b",
            re.I,
        ),
        module="worker",
        tests=(
            "test_a_result_is_published_before_the_message_is_acknowledged",
            "test_a_message_that_cannot_be_read_is_never_delivered_again",
            "test_a_failure_is_tried_again_until_the_last_delivery",
            "test_a_message_delivered_twice_has_one_result",
        ),
        parameters={
            "subject": re.compile(r"\bsubject\s+[`\"']?(?P<value>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)"),
            "results": re.compile(
                r"\b(?:publish\w*|results?|answers?)\b[^.`\"']*\b(?:to|on|under)\s+(?:subject\s+)?[`\"']"
                r"(?P<value>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)"
            ),
        },
        defaults={"subject": "{package}.jobs", "results": "{package}.results"},
    )
)

__all__ = ["WORKER"]
