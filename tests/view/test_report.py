"""The page of a run: its figures, its plots, and nothing that runs or asks."""

import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.runs import Sample
from app.view.plots import plot, round_steps
from app.view.report import report_page
from tests.view.pictures import HOSTILE


def sample(number: int) -> Sample:
    return Sample(number * 7.5, number, number, 9 * number, 2, 900 * number, 400 * number, 50 * number, 6.0 * number, 1 << 29, 3 * number, 2 * number)  # fmt: skip  # noqa: E501


def test_the_page_tells_the_run_and_runs_nothing() -> None:
    """Figures are those of the last sample; four plots; no script; a hostile model name is text."""
    page = report_page(HOSTILE, "2026-11-21T06:04:23+00:00", 40, [sample(number) for number in range(1, 21)])
    text = re.sub(r"<[^>]+>", " ", page)
    for told in ("20 of 40", "8.0", "44%", "512 MiB", "18,000"):
        assert told in text
    assert page.count("<svg") == 4
    assert "<script" not in page
    assert "default-src 'none'" in page


@given(st.floats(0, 1e13))
def test_axes_have_few_round_steps_that_reach_the_value(most: float) -> None:
    """From zero, evenly, at most six steps, the last at or past the value and not far past."""
    steps = round_steps(most)
    assert steps[0] == 0
    assert 2 <= len(steps) <= 7
    assert steps[-1] >= most * (1 - 1e-9)
    assert len(steps) == 2 or steps[-2] < most * (1 + 1e-9)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e12)), max_size=5), st.text(max_size=10))
def test_a_plot_is_whole_svg_for_any_points(points: list[tuple[float, float]], name: str) -> None:
    """It parses, and every line's points lie within the figure."""
    clean = "".join(c for c in name if c.isprintable())
    figure = ET.fromstring(plot(clean, {clean: sorted(points)}, lambda value: f"{value:.3g}"))
    for line in figure.iter("polyline"):
        for point in (line.get("points") or "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 560
            assert -0.1 <= y <= 220
