def is_isbn(text: str) -> bool:
    signs = text.replace("-", "").replace(" ", "").upper()
    if len(signs) == 10 and signs[:9].isdecimal() and (signs[9].isdecimal() or signs[9] == "X"):
        values = [10 if sign == "X" else int(sign) for sign in signs]
        return sum(value * weight for value, weight in zip(values, range(10, 0, -1), strict=True)) % 11 == 0
    if len(signs) == 13 and signs.isdecimal():
        return sum(int(sign) * (3 if place % 2 else 1) for place, sign in enumerate(signs)) % 10 == 0
    return False
