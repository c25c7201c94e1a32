from fractions import Fraction


def split_bill(total: int, weights: list[float]) -> list[int]:
    if not weights or min(weights) <= 0:
        raise ValueError("every weight must be positive")
    whole = sum(map(Fraction, weights))
    shares = [total * Fraction(weight) / whole for weight in weights]
    parts = [int(share) for share in shares]
    order = sorted(range(len(parts)), key=lambda guest: (parts[guest] - shares[guest], guest))
    for guest in order[: total - sum(parts)]:
        parts[guest] += 1
    return parts
