"""Lines over time as SVG, without a library: axes with round numbers, one or two series, values on hover.

Knows numbers and their units in words; knows no journal. In: points.  Out: SVG text.
"""

import html
import math
from collections.abc import Callable, Sequence

Points = Sequence[tuple[float, float]]  # (seconds, value), by time
Say = Callable[[float], str]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 560, 220, 62, 28, 12, 14


def plot(title: str, series: dict[str, Points], say: Say) -> str:
    """A figure with a line for each series.

    say    a value in words, for the axis and the hover
    """
    last = max([1.0, *(x for points in series.values() for x, _ in points)])
    ticks = round_steps(max((y for points in series.values() for _, y in points), default=0.0))
    across, down = (_WIDTH - _LEFT - _RIGHT) / last, (_HEIGHT - _TOP - _BOTTOM) / (ticks[-1] or 1)

    def x(seconds: float) -> str:
        return f"{_LEFT + seconds * across:.1f}"

    def y(value: float) -> str:
        return f"{_HEIGHT - _BOTTOM - value * down:.1f}"

    parts = []
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick)}" y2="{y(tick)}"/>')
        parts.append(f'<text class="axis end" x="{_LEFT - 8}" y="{y(tick)}" dy="4">{html.escape(say(tick))}</text>')
    for share in (0.0, 0.5, 1.0):
        anchor = ("start", "middle", "end")[int(share * 2)]
        label = html.escape(duration(last * share))
        parts.append(f'<text class="axis {anchor}" x="{x(last * share)}" y="{_HEIGHT - 8}">{label}</text>')
    for number, (name, points) in enumerate(series.items(), 1):
        path = " ".join(f"{x(seconds)},{y(value)}" for seconds, value in points)
        parts.append(f'<polyline class="line s{number}" points="{path}"/>')
        if points:
            seconds, value = points[-1]
            title_of = f"<title>{html.escape(f'{name}: {say(value)}')}</title>"
            parts.append(f'<circle class="s{number}" cx="{x(seconds)}" cy="{y(value)}" r="3.5">{title_of}</circle>')
    legend = " ".join(f'<span class="key s{n}">{html.escape(name)}</span>' for n, name in enumerate(series, 1))
    label = html.escape(f"{title}, over {duration(last)}")
    svg = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    return f"<figure><figcaption><b>{html.escape(title)}</b> {legend}</figcaption>{svg}</figure>"


def round_steps(most: float) -> list[float]:
    """Zero and three to five round numbers up to or past `most`.

    Example: 7 -> [0, 2, 4, 6, 8]
    """
    if most < 1e-6:
        return [0.0, 1.0]
    magnitude = 10.0 ** math.floor(math.log10(most / 4))
    step = next(s * magnitude for s in (1, 2, 2.5, 5, 10) if s * magnitude * 5 >= most)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def duration(seconds: float) -> str:
    """42 s, 7 min, 3 h 20 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
