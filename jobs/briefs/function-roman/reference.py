_SIGNS = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


def _written(number: int) -> str:
    text = ""
    for value, sign in _SIGNS:
        text += sign * (number // value)
        number %= value
    return text


def to_roman(number: int) -> str:
    if not 1 <= number <= 3999:
        raise ValueError("only 1 to 3999")
    return _written(number)


def from_roman(text: str) -> int:
    wanted = text.upper()
    for number in range(1, 4000):
        if _written(number) == wanted:
            return number
    raise ValueError(f"no Roman numeral: {text!r}")
