from collections import Counter


def loglevels(file: str, only: str | None = None) -> str:
    lines = [line.split(maxsplit=2) for line in file.splitlines()]
    known = [line for line in lines if len(line) >= 2]
    if only is not None:
        return "\n".join(" ".join(line[2:]) for line in known if line[1] == only)
    counts = Counter(line[1] for line in known)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return "\n".join(f"{level} {count}" for level, count in ordered)
