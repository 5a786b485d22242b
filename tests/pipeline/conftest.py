"""A home, a journal and a scripted model for every test of the whole journey.

In: nothing.  Out: a Bench, whose `load` is the command line itself.
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import load_journals
from app import __main__ as daybook
from app.graph.query import canonical_dump
from app.graph.store import GraphStore
from app.ledger.store import LEDGER_NAME
from app.pipeline.request import GRAPH_NAME
from tests.pipeline.scripted import OWNER, WEEKS, ScriptedEngine, fresh_home, install, write_journal


@dataclass
class Told:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Bench:
    """One home and the commands that work on it."""

    home: Path
    journals: Path
    engine: ScriptedEngine
    read: Callable[[], tuple[str, str]]

    def load(self, *arguments: str | Path, home: Path | None = None) -> Told:
        """python load_journals.py ARGUMENTS --home HOME"""
        self.read()
        paths = [str(argument) for argument in arguments] or [str(self.journals)]
        code = load_journals.main(["--home", str(home or self.home), "--owner", OWNER, *paths])
        return Told(code, *self.read())

    def ask(self, *arguments: str, home: Path | None = None) -> Told:
        """python -m app ARGUMENTS --home HOME"""
        self.read()
        code = daybook.main([*arguments, "--home", str(home or self.home)])
        return Told(code, *self.read())

    def dump(self, home: Path | None = None) -> Any:
        return dump_of(home or self.home)

    def calls(self) -> int:
        """How many answers the ledger holds."""
        with sqlite3.connect(self.home / LEDGER_NAME) as ledger:
            ((number,),) = ledger.execute("SELECT count(*) FROM calls")
        ledger.close()
        return int(number)


def dump_of(home: Path) -> Any:
    """The canonical dump of a home's graph, by name of its parts."""

    async def dump() -> Any:
        with GraphStore.open_for_reading(home / GRAPH_NAME, embedder=None, group="journal") as store:
            return await canonical_dump(store)

    return asyncio.run(dump())


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """An empty home beside a journal of four weeks."""

    def read() -> tuple[str, str]:
        told = capsys.readouterr()
        return told.out, told.err

    write_journal(tmp_path / "journals" / "2024.md", *WEEKS)
    return Bench(fresh_home(tmp_path), tmp_path / "journals", install(monkeypatch), read)
