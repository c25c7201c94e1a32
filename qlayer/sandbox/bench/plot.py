"""The measurement as a drawing: CPU per execution of every way, one group of bars per program. Plain SVG."""

from __future__ import annotations

from html import escape

from qlayer.sandbox.bench.report import SandboxBench

_BAR, _GAP, _LEFT, _WIDTH, _TOP = 18, 26, 150, 760, 48
_PEER, _OURS = "#9aa5b1", "#2f6fde"


def svg(result: SandboxBench) -> str:
    """A document of its own; bars are on one linear scale, a cold start is cut off at the edge."""
    shown = [timing for timing in result.timings if timing.way != "cold"]
    widest = max((timing.cpu_ms for timing in shown), default=1.0)
    parts: list[str] = []
    at, program = _TOP, ""
    for timing in sorted(result.timings, key=lambda timing: timing.program, reverse=True):
        if timing.program != program:
            program = timing.program
            at += _GAP
            parts.append(_text(10, at - 8, program, weight="bold"))
        length = min(timing.cpu_ms / widest, 1.0) * (_WIDTH - _LEFT - 170)
        colour = _OURS if timing.way.startswith("sandbox") else _PEER
        box = f'x="{_LEFT}" y="{at}" width="{length:.1f}" height="{_BAR - 4}" fill="{colour}"'
        parts.append(f"<rect {box}/>")
        parts.append(_text(_LEFT - 6, at + 11, timing.way, anchor="end"))
        words = f"{timing.cpu_ms:.2f} ms CPU, {timing.wall_p50_ms:.2f} ms p50"
        parts.append(_text(_LEFT + length + 6, at + 11, words))
        at += _BAR
    title = f"Cost of one execution ({result.machine.cpu}, {result.machine.python}): {result.verdict}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{at + 20}" font-size="12">'
    style = '<g font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, style, _text(10, 24, title, weight="bold"), *parts, "</g></svg>", ""])


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f"<text {place}>{escape(words)}</text>"
