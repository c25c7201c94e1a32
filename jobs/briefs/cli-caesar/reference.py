import string


def _moved(text: str, shift: int) -> str:
    small, large, by = string.ascii_lowercase, string.ascii_uppercase, shift % 26
    moved = small[by:] + small[:by] + large[by:] + large[:by]
    return text.translate(str.maketrans(small + large, moved))


def encode(text_value: str, shift: int = 3) -> str:
    return _moved(text_value, shift)


def crack(text_value: str, word: str) -> str:
    for shift in range(26):
        original = _moved(text_value, -shift)
        if word.lower() in original.lower():
            return f"{shift} {original}"
    raise ValueError("no shift fits")
