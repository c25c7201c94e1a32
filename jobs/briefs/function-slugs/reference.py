import re
from itertools import count


def slugify(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "untitled"


def unique_slug(title: str, taken: list[str]) -> str:
    slug = slugify(title)
    if slug not in taken:
        return slug
    return next(f"{slug}-{number}" for number in count(2) if f"{slug}-{number}" not in taken)
