def wrap_note(text: str, width: int) -> list[str]:
    if width < 1:
        raise ValueError("a line needs at least one character")
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines += [word[start : start + width] for start in range(0, len(word), width)]
    return lines
