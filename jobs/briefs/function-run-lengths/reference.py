import re
from itertools import groupby


def pack(text: str) -> str:
    packed = ""
    for char, run in groupby(text):
        count = len(list(run))
        packed += (str(count) if count > 1 else "") + ("\\" if char.isdigit() or char == "\\" else "") + char
    return packed


def unpack(packed: str) -> str:
    text, position = "", 0
    while position < len(packed):
        match = re.compile(r"(\d*)(?:\\(.)|([^\\\d]))", re.DOTALL).match(packed, position)
        if match is None:
            raise ValueError(f"broken at {position}")
        text += (match[2] or match[3]) * int(match[1] or 1)
        position = match.end()
    return text
