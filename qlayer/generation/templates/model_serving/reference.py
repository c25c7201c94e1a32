import re


def tone(text: str) -> str:
    words = re.findall("[a-z]+", text.lower())
    score = sum(word in ("good", "great", "love") for word in words)
    score -= sum(word in ("bad", "awful", "hate") for word in words)
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"
