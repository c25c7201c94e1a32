"""Forty briefs of one kind, each needing a convention that no model can know: how a house check answers.

A house check returns None for a value that is fine, else the tuple (field, problem, limit) with the problem
``below`` or ``above``. No brief says so, and the one trusted example shows a fine value only: a program may
pass it and be wrong all the same. The first twenty are for corrections, the other twenty are held out; no
field is in both.
"""

from __future__ import annotations

from typing import NamedTuple

from qlayer.types.check import Case, CasesPlan, Expectation

HIDDEN = "house convention"
"""Name of the hidden check."""


class HouseBrief(NamedTuple):
    """A field with its limits; None: no limit on that side. `text` counts characters, not the value."""

    field: str
    low: int | None
    high: int | None
    fine: int
    """A value (for `text`: a length) inside the limits."""
    text: bool = False

    @property
    def function(self) -> str:
        return f"check_{self.field}"

    @property
    def request(self) -> str:
        """What a user asks for."""
        unit = " characters" if self.text else ""
        least = f"at least {self.low}{unit}" if self.low is not None else ""
        most = f"at most {self.high}{unit}" if self.high is not None else ""
        limits = ", ".join(part for part in (least, most) if part)
        name = self.field.replace("_", " ")
        kind = "str" if self.text else "int"
        return (
            f"# House check of the {name}\n\nA house check for the field {self.field}: {limits}.\n\n"
            f"def {self.function}(value: {kind}) -> object\n\n"
            f"{self.function}({self._value(self.fine)}) == None\n"
        )

    @property
    def right(self) -> str:
        """What a person corrects a wrong program to."""
        kind, measured = ("str", "len(value)") if self.text else ("int", "value")
        lines = [f"def {self.function}(value: {kind}) -> object:"]
        if self.low is not None:
            lines += [
                f"    if {measured} < {self.low}:",
                f'        return ("{self.field}", "below", {self.low})',
            ]
        if self.high is not None:
            lines += [
                f"    if {measured} > {self.high}:",
                f'        return ("{self.field}", "above", {self.high})',
            ]
        return "\n".join([*lines, "    return None", ""])

    def hidden(self, module: str) -> CasesPlan:
        """Values inside, on and outside the limits."""
        expected: dict[int, object] = {self.fine: None}
        if self.low is not None:
            expected |= {self.low: None, self.low - 1: (self.field, "below", self.low)}
        if self.high is not None:
            expected |= {self.high: None, self.high + 1: (self.field, "above", self.high)}
        cases = (
            Case(
                name=str(number),
                function=self.function,
                args=f"({self._value(number)},)",
                expected=Expectation(value=repr(answer)),
            )
            for number, answer in expected.items()
        )
        return CasesPlan(name=HIDDEN, module=module, cases=tuple(cases), hidden=True)

    def _value(self, number: int) -> str:
        return repr("x" * number) if self.text else repr(number)


CORRECTED: tuple[HouseBrief, ...] = (
    HouseBrief("age", 0, 150, 30),
    HouseBrief("quantity", 1, 999, 5),
    HouseBrief("discount", 0, 90, 10),
    HouseBrief("floor", -3, 120, 2),
    HouseBrief("rating", 1, 5, 4),
    HouseBrief("volume", 0, 11, 7),
    HouseBrief("port", 1024, 65535, 8080),
    HouseBrief("weekday", 1, 7, 3),
    HouseBrief("pages", 1, None, 200),
    HouseBrief("price_cents", 0, None, 1999),
    HouseBrief("stock", 0, None, 12),
    HouseBrief("year_built", 1800, None, 1950),
    HouseBrief("speed", None, 130, 90),
    HouseBrief("attempts", None, 3, 1),
    HouseBrief("luggage_kg", None, 23, 20),
    HouseBrief("noise_db", None, 85, 60),
    HouseBrief("username", 3, 20, 8, text=True),
    HouseBrief("title", 1, 80, 10, text=True),
    HouseBrief("postcode", 4, 10, 5, text=True),
    HouseBrief("comment", 2, 500, 40, text=True),
)
"""Those that a person corrects."""

HELD_OUT: tuple[HouseBrief, ...] = (
    HouseBrief("height_cm", 40, 250, 170),
    HouseBrief("seats", 1, 60, 4),
    HouseBrief("humidity", 5, 95, 50),
    HouseBrief("month", 1, 12, 6),
    HouseBrief("gear", -1, 8, 3),
    HouseBrief("grade", 1, 6, 2),
    HouseBrief("channel", 1, 165, 36),
    HouseBrief("brightness", 0, 255, 128),
    HouseBrief("guests", 1, None, 2),
    HouseBrief("salary", 1200, None, 3000),
    HouseBrief("visitors", 0, None, 44),
    HouseBrief("distance_m", 10, None, 400),
    HouseBrief("temperature", None, 60, 21),
    HouseBrief("retries", None, 5, 2),
    HouseBrief("load_tons", None, 40, 12),
    HouseBrief("delay_minutes", None, 45, 10),
    HouseBrief("nickname", 2, 16, 6, text=True),
    HouseBrief("street", 3, 60, 12, text=True),
    HouseBrief("iban_note", 5, 140, 20, text=True),
    HouseBrief("slug", 1, 40, 9, text=True),
)
"""Those that show what was learned."""
