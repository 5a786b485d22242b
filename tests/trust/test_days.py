"""Days and clocks: whatever day an entry has and whatever a clock says, order and dates are the journal's."""

import sqlite3
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self

import pytest

from app.ledger.store import LEDGER_NAME
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import fresh_home, write_journal
from tests.trust.test_forget import LIFE


def test_days_stay_in_order_whatever_they_are(bench: Bench) -> None:
    """A leap day, a day to come, a day of long ago and a year alone keep their dates, and are told in order."""
    days = ["1662-01-01", "1911-01-01", "2024-02-29", "2024-03-04", "2031-12-31"]
    lines = [f"# {day}\n\nNadia met Thomas.\n" for day in (days[4], days[2], days[0], days[3])]
    (bench.journals / "2024.md").write_text("\n".join(lines), encoding="utf-8")
    (bench.journals / "old.txt").write_text("1911\n\nNadia met Thomas.\n", encoding="utf-8")
    bench.load()
    assert sorted(episode["valid_at"][:10] for episode in bench.dump()["episodes"]) == days
    (fact,) = [fact for fact in bench.dump()["facts"] if fact["fact"] == "Nadia met Thomas."]
    assert fact["valid_at"][:10] == days[0]


def test_as_of_a_day_only_what_had_begun_is_there(bench: Bench) -> None:
    """The day before a leap day, a year later, today: an entry of a day to come is shown from that day on."""
    write_journal(bench.journals / "2024.md", ("2031-12-31", "Nadia met Zoë."), ("2024-02-29", "Nadia met Mara."))
    (bench.journals / "old.txt").write_text("1911\n\nNadia met Thomas.\n", encoding="utf-8")
    bench.load()
    told = ["Nadia met Thomas.", "Nadia met Mara.", "Nadia met Zoë."]
    moments = {"1910-12-31": 0, "1911-01-01": 1, "2024-02-28": 1, "2024-02-29": 2, "2025-03-01": 2, "2031-12-31": 3}
    for moment, known in moments.items():
        shown = bench.ask("search", "Nadia met", "--as-of", moment, "--json").json
        assert {fact["fact"] for fact in shown} == set(told[:known]), moment
    assert [event["fact"]["fact"] for event in bench.ask("timeline", "Nadia", "--json").json] == told


ASKING = (
    "app.ledger.calls",
    "app.ledger.store",
    "app.ledger.labels",
    "app.graph.ingest",
    "app.graph.revise",
    "app.pipeline.runs",
)


def set_clock(patch: pytest.MonkeyPatch, days: int) -> None:
    """Let everything that asks for the time in this process be told of another day."""

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(days=days)

    for name, module in list(sys.modules.items()):
        if name in ASKING:
            patch.setattr(module, "datetime", Moved)
        elif name.startswith("graphiti_core") and hasattr(module, "utc_now"):
            patch.setattr(module, "utc_now", lambda: Moved.now(UTC))


def test_a_clock_moved_back_between_loads_changes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Loaded today, then seven years ago, then in forty years: the graph of loads by a clock that goes forward."""
    calm = fresh_home(tmp_path / "calm")
    for home, clock in ((calm, (0, 0, 0)), (bench.home, (0, -2600, 14600))):
        for place, days in zip((3, 5, len(LIFE)), clock, strict=True):
            write_journal(bench.journals / "2024.md", *LIFE[:place])
            with monkeypatch.context() as patch:
                set_clock(patch, days)
                assert bench.load(home=home).code == 0
    with sqlite3.connect(bench.home / LEDGER_NAME) as ledger:
        years = {int(made[:4]) - datetime.now(UTC).year for (made,) in ledger.execute("SELECT created_at FROM calls")}
    ledger.close()
    assert min(years) < 0 < max(years)  # the clocks were believed
    assert bench.dump() == bench.dump(calm)
    assert (
        bench.ask("search", "Where does Nadia work", "--json").json
        == bench.ask("search", "Where does Nadia work", "--json", home=calm).json
    )
    computed = bench.engine.computed
    assert bench.ask("rebuild", "--json").json["model_calls"] == 0
    assert (bench.dump() == bench.dump(calm), bench.engine.computed) == (True, computed)
