"""Reading a request: title, description, signature, and the examples that become trusted tests.

What belongs here: turning a person's text into a `Spec` without guessing. An example is trusted only when its
call and its result are plain values; everything else that looked like one is reported with the reason.
"""

from qlayer.generation.intake.request import parse_spec

__all__ = ["parse_spec"]
