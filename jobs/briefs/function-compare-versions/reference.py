def _key(version: str) -> tuple[list[int], bool, str]:
    numbers, _, tag = version.removeprefix("v").partition("-")
    parts = [int(part) for part in numbers.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return parts, not tag, tag


def compare_versions(left: str, right: str) -> int:
    return (_key(left) > _key(right)) - (_key(left) < _key(right))
