"""The report of an evaluation as one HTML file: figures as bars, the calibration as a curve, costs as a table.

Knows Evaluations and the look of the other pages; knows no model. In: an Evaluation.  Out: HTML as text.

The page has no script and asks nothing of any network; plots are inline SVG in the colours of the theme.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from app.measure.calibration import Curve
from app.measure.evaluation import Evaluation, Figure

_BASE = Path(__file__).parent / "page" / "base.css"
_STYLE = """
body { max-width: 880px; margin: 0 auto; padding: 40px 28px 72px; }
h1 { font: 600 27px/1.25 var(--serif); overflow-wrap: anywhere; }
h2 { font: 600 19px/1.3 var(--serif); margin: 40px 0 10px; }
p { color: var(--ink-soft); max-width: 62ch; }
figure { background: var(--sheet); border: 1px solid var(--line); border-radius: var(--radius); padding: 18px 20px; margin-top: 10px; }
svg { display: block; width: 100%; height: auto; font: 13px var(--sans); fill: var(--ink); }
svg .faint { fill: var(--ink-faint); } svg .track { fill: var(--sunken); } svg .bar { fill: var(--accent); }
svg .tick { stroke: var(--ink); stroke-width: 2; } svg .grid { stroke: var(--line); }
svg .even { stroke: var(--line-strong); stroke-dasharray: 4 4; } svg .curve { fill: none; stroke: var(--accent); stroke-width: 2.5; }
svg .point { fill: var(--accent); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 14px; }
figcaption { color: var(--ink-soft); font-size: 13.5px; margin-top: 8px; }
.wide { overflow-x: auto; } .wide svg { min-width: 640px; } .pair + .wide { margin-top: 20px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th { text-align: right; font-weight: 500; color: var(--ink-soft); } td { text-align: right; }
th, td { padding: 6px 0 6px 18px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
"""  # noqa: E501  one rule a line
_ROW, _LEFT, _WIDTH = 34, 240, 820  # of the bars, in SVG units
_SIDE = 320  # of a square plot


def quality_page(found: Evaluation) -> str:
    """The whole page."""
    style = _BASE.read_text(encoding="utf-8") + _STYLE
    told = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    aside = f" {found.unread} chunks were put aside; what they tell counts as not found." if found.unread else ""
    least = f" Facts below a confidence of {found.min_confidence:g} were left out." if found.min_confidence else ""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{told}'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>How well {escape(found.model)} reads</title><style>{style}</style></head><body>",
        f"<h1>How well {escape(found.model)} reads {escape(Path(found.gold).name)}</h1>",
        f"<p>{found.texts} texts, read whole in {found.seconds:,.0f} seconds by the model of fingerprint "
        f"{escape(found.fingerprint)}.{aside}{least}</p>",
        "<h2>What it found</h2>",
        f'<figure><div class="wide">{_bars(found.figures)}</div><figcaption>'
        "A bar is the F1 or, without ticks, the share that is right; the "
        "lower tick of a bar is its precision, the upper its recall.</figcaption></figure>",
    ]
    if found.calibration is not None:
        parts += ["<h2>How far its confidence can be believed</h2>", _confidence(found.calibration)]
    parts += ["<h2>What it took</h2>", f'<div class="wide">{_costs(found)}</div>', "</body></html>"]
    return "\n".join(parts) + "\n"


def _bars(figures: Sequence[Figure]) -> str:
    full, rows = _WIDTH - _LEFT - 150, []
    for place, figure in enumerate(figures):
        top = place * _ROW
        rows.append(
            f'<text x="0" y="{top + 20}">{escape(figure.what)}</text>'
            f'<rect class="track" x="{_LEFT}" y="{top + 8}" width="{full}" height="16" rx="3"/>'
            f'<rect class="bar" x="{_LEFT}" y="{top + 8}" width="{figure.value * full:.1f}" height="16" rx="3"/>'
            f'<text x="{_LEFT + full + 12}" y="{top + 20}">{figure.value:.3f}'
            f'<tspan class="faint" dx="8">of {figure.of:,}</tspan></text>'
        )
        for value, y in ((figure.precision, 18), (figure.recall, 6)):
            if value is not None:
                x = _LEFT + value * full
                rows.append(f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{top + y}" y2="{top + y + 8}"/>')
    height = len(figures) * _ROW
    words = "; ".join(f"{figure.what} {figure.value:.3f}" for figure in figures)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(words)}">{"".join(rows)}</svg>'


def _confidence(curve: Curve) -> str:
    ends = [step.start for step in curve.steps[1:]] + [1.0]
    line: list[tuple[float, float]] = []
    for step, end in zip(curve.steps, ends, strict=True):
        line += [(step.start, step.share), (end, step.share)]
    kept = [(row.kept, row.right) for row in curve.thresholds]
    rows = ((f"{row.confidence:.3f}", f"{row.kept:.0%}", f"{row.right:.1%}") for row in curve.thresholds)
    return (
        f'<div class="pair"><figure>{_plot(line, "confidence", "share right", even=True)}<figcaption>How often facts '
        "of a confidence are right; on the dashed line it could be taken at its word. Expected error "
        f"{curve.error_before:.3f} as told, {curve.error_after:.3f} after this curve, on facts it was not fitted to."
        f"</figcaption></figure><figure>{_plot(kept, 'share kept', 'share right', even=False)}<figcaption>What "
        "<code>--min-confidence</code> would buy: fewer facts, more of them right.</figcaption></figure></div>"
        f'<div class="wide">{_table(("--min-confidence", "keeps", "right"), rows)}</div>'
    )


def _plot(points: Sequence[tuple[float, float]], across: str, up: str, *, even: bool) -> str:
    """A line in the unit square."""

    def at(x: float, y: float) -> str:
        return f"{40 + x * 260:.1f},{270 - y * 250:.1f}"

    grid = "".join(
        f'<line class="grid" x1="40" x2="300" y1="{270 - share * 250}" y2="{270 - share * 250}"/>'
        f'<text class="faint" x="32" y="{275 - share * 250}" text-anchor="end">{share:g}</text>'
        f'<text class="faint" x="{40 + share * 260}" y="290" text-anchor="middle">{share:g}</text>'
        for share in (0, 0.5, 1)
    )
    diagonal = '<line class="even" x1="40" y1="270" x2="300" y2="20"/>' if even else ""
    places = [] if even else [at(*point).split(",") for point in points]
    dots = "".join(f'<circle class="point" r="3.5" cx="{x}" cy="{y}"/>' for x, y in places)
    path = " ".join(at(*point) for point in points)
    return (
        f'<svg viewBox="0 0 {_SIDE} {_SIDE - 5}" role="img" aria-label="{up} over {across}">{grid}{diagonal}'
        f'<polyline class="curve" points="{path}"/>{dots}'
        f'<text class="faint" x="170" y="308" text-anchor="middle">{across}</text>'
        f'<text class="faint" x="40" y="12">{up}</text></svg>'
    )


def _costs(found: Evaluation) -> str:
    rows = (
        (
            cost.prompt, f"{cost.calls:,}", f"{cost.prompt_tokens:,}", f"{cost.cached_tokens:,}",
            f"{cost.answer_tokens:,}", f"{cost.seconds:,.1f}",
        )
        for cost in found.prompts
    )  # fmt: skip
    return _table(("prompt", "calls", "tokens read", "of them cached", "written", "seconds"), rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(head)}</th>" for head in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
