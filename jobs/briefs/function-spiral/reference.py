def spiral(grid: list[list[int]]) -> list[int]:
    seen: list[int] = []
    rows = [list(row) for row in grid]
    while rows:
        seen += rows.pop(0)
        rows = [list(column) for column in zip(*rows, strict=True)][::-1]
    return seen
