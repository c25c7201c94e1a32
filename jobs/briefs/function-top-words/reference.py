import re
from collections import Counter


def top_words(text: str, n: int = 3) -> list[tuple[str, int]]:
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower())
    counts = Counter(word for word in words if len(word) >= 3)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:n]
