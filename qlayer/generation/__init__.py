"""From a request to a candidate: intake, templates, prompts, extraction, automatic fixes, the static gate.

What belongs here: everything that turns text into code and back without running it. What never does: running
code (`qlayer.validation`), looping (`qlayer.pipeline`).
"""
