def longest(text_value: str) -> str:
    return max(text_value.split(), key=len)
