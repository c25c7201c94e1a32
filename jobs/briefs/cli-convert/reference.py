_METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0, "in": 0.0254}


def _shown(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def length(value: float, unit: str) -> str:
    if unit not in _METRES:
        raise ValueError(f"unknown unit {unit}")
    return _shown(value * _METRES[unit])


def temp(value: float, to: str | None = None) -> str:
    return _shown(value + 273.15 if to == "K" else value * 9 / 5 + 32)
