import re


def parse_duration(text: str) -> int:
    match = re.fullmatch(
        r"\s*(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?\s*", text.lower(), re.ASCII
    )
    if match is None or not any(match.groups()):
        raise ValueError(f"no duration: {text!r}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
