def numbered(text: str, from_: int | None = None) -> str:
    shown, number = [], 1 if from_ is None else from_
    for line in text.splitlines():
        shown.append(f"{number} {line}" if line else "")
        number += bool(line)
    return "\n".join(shown)
