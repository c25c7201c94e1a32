from itertools import pairwise


def largest_gap(values: list[int]) -> int:
    return max((abs(after - before) for before, after in pairwise(values)), default=0)
