def pwcheck(value: str, min_value: int | None = None) -> str:
    checks = {
        "length": len(value) >= (8 if min_value is None else min_value),
        "digit": any(char.isdigit() for char in value),
        "capital": any(char.isupper() for char in value),
        "small": any(char.islower() for char in value),
    }
    missing = [name for name, fine in checks.items() if not fine]
    return "missing: " + ", ".join(missing) if missing else "ok"
