"""Throw made and broken text at whatever reads it: `python -m benchmarks.fuzz --minutes 10`.

Knows the reader, the dates, the chunker and the ledger's file; knows no model. In: minutes for each of the four, and a
folder of journals as seeds (default: the sample journals).  Out: runs, and the input of every crash, kept as a file.

A seed is cut, joined, flipped and sprinkled with what parsers trip over. Where `atheris` is installed, the same targets
can be steered by coverage: `python -m benchmarks.fuzz --target reader --atheris`.
"""

import argparse
import gc
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import FunctionType
from typing import NoReturn

from app.errors import BadJournal, DaybookError
from app.journal.chunks import chunk_entry
from app.journal.dates import find_dates
from app.journal.reader import read_journal
from app.journal.sentences import split_sentences
from app.journal.types import Entry
from app.ledger.records import FileReading
from app.ledger.store import LEDGER_NAME, Ledger
from app.settings import ROOT

Target = Callable[[bytes], None]
TRIPS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\r\n\r\n", b"---\n", b"# 2024-02-30\n", b"# 2024-02-29\n", b"{",
    b"[" * 40, b'"entries"', b"\xe2\x80\xae", b"\xcc\x81" * 9, "二〇二四年二月三十日".encode(),
    b"yesterday", b"1." * 50, b"999999999 years ago", b"<|im_end|>", b"\xf0\x9d\x92", b"12/13/14", b"[2024-01-01 Mon]",
)  # fmt: skip
DAY = date(2024, 2, 29)


def _one_line(error: DaybookError) -> None:
    assert "\n" not in str(error), "an error is one line"


def reader(raw: bytes) -> None:
    """A file is read whole, or refused in one line."""
    endings = (".md", ".txt", ".json")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"2024-03-04{endings[len(raw) % 3]}"
        file.write_bytes(raw)
        try:
            reading = read_journal(file)
        except BadJournal as error:
            _one_line(error)
            return
        spans = sorted([(e.start, e.end) for e in reading.entries] + [span for span, _ in reading.furniture])
        assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])][: len(spans)], "every character"


def dates(raw: bytes) -> None:
    """Every date found stands in the text, one after the other."""
    text, last = raw.decode("utf-8", "replace"), 0
    for found in find_dates(text, DAY):
        assert last <= found.start < found.end <= len(text), "in order"
        assert text[found.start : found.end] == found.words, "its own words"
        last = found.end


def chunker(raw: bytes) -> None:
    """Chunks and sentences hold every character once."""
    text = raw.decode("utf-8", "replace")
    for longest in (8, 64, 4096):
        entry = Entry(Path("a.md"), DAY, text, 0, len(text))
        chunks = chunk_entry(entry, max_tokens=longest, count_tokens=lambda part: len(part) // 3 + 1)
        assert "".join(chunk.text for chunk in chunks) == (text if text.strip() else ""), "joined"
    kept = "".join(text[start:end] for start, end in split_sentences(text))
    assert "".join(kept.split()) == "".join(text.split()), "sentences"


class Decoder:
    """The ledger's file with some of its bytes changed: it opens, or is refused in one line.

    whole   the file as it was
    """

    TEXT, ANSWER, VECTOR = "Nadia met Thomas.", '{"edges": ["Nadia met Thomas!"]}', bytes(range(128))

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp())
        home = self._folder / "whole"
        entry = Entry(Path("/a.md"), DAY, self.TEXT, 0, len(self.TEXT))
        chunks = tuple(chunk_entry(entry, max_tokens=64, count_tokens=len))
        with Ledger.open(home) as ledger:
            ledger.plan(
                "journal", [FileReading(Path("/a.md"), "0" * 64, entry.end, "utf-8", (entry,), chunks)], gone_files=[]
            )
            ledger.calls.put(
                "k", prompt_name="p", answer=self.ANSWER, prompt_tokens=1, answer_tokens=1, cached_tokens=0, seconds=0.0
            )
            ledger.vectors.put("v", self.VECTOR)
        self.whole = (home / LEDGER_NAME).read_bytes()

    def __call__(self, raw: bytes) -> None:
        """raw   which bytes to change, and to what"""
        broken = bytearray(self.whole)
        for place in range(0, len(raw) - 4, 5):
            broken[int.from_bytes(raw[place : place + 4], "big") % len(broken)] = raw[place + 4]
        home = self._folder / "broken"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        (home / LEDGER_NAME).write_bytes(broken)
        try:
            with Ledger.open(home) as ledger:
                texts = [chunk.text for chunk in ledger.pending_chunks("journal")]
                assert texts in ([self.TEXT], []), "damaged words"
                assert ledger.calls.get("k") in (self.ANSWER, None), "a damaged answer"
                assert ledger.vectors.get("v") in (self.VECTOR, None), "a damaged vector"
                ledger.counts("journal")
        except DaybookError as error:
            _one_line(error)


def targets() -> dict[str, Target]:
    """What is fuzzed, by name."""
    return {"reader": reader, "dates": dates, "chunker": chunker, "ledger": Decoder()}


def mutate(seeds: list[bytes], chance: random.Random) -> bytes:
    """A piece of a seed, changed a few times."""
    seed = chance.choice(seeds)
    start = chance.randrange(max(1, len(seed)))
    raw = bytearray(seed[start : start + chance.choice((16, 200, 2000))])
    for _ in range(chance.randint(1, 8)):
        place = chance.randint(0, len(raw))
        match chance.randrange(4):
            case 0:
                raw[place:place] = chance.choice(TRIPS)
            case 1:
                raw[place : place + chance.randint(1, 9)] = b""
            case 2:
                raw[place : place + 1] = chance.randbytes(1)
            case _:
                other = chance.choice(seeds)
                raw[place:place] = other[: chance.randint(1, 60)]
    return bytes(raw)


def fuzz(target: Target, seeds: list[bytes], seconds: float, seed: int, crashes: Path) -> tuple[int, int]:
    """(runs, crashes); the input of each different crash is kept."""
    chance, until, runs, found = random.Random(seed), time.monotonic() + seconds, 0, set[str]()
    while time.monotonic() < until:
        raw, runs = mutate(seeds, chance), runs + 1
        try:
            target(raw)
        except Exception:  # noqa: BLE001  # whatever it is, it is what we look for
            where = traceback.format_exc().splitlines()[-3].strip()
            if where not in found:
                found.add(where)
                crashes.mkdir(parents=True, exist_ok=True)
                (crashes / f"{len(found)}.bin").write_bytes(raw)
                print(f"{crashes / f'{len(found)}.bin'}: {traceback.format_exc().splitlines()[-1]}", file=sys.stderr)
    return runs, len(found)


def steered(target: Target, seeds: Path, seconds: float, crashes: Path) -> NoReturn:
    """Let libFuzzer look for new paths through our own code; it ends the process and keeps the input of a crash."""
    import atheris  # type: ignore  # asked for by name, and no dependency of ours

    # Not instrument_all: the eight thousand functions of our libraries take it minutes.
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and str(one.__module__).startswith("app."):
            atheris.instrument_func(one)
    crashes.mkdir(parents=True, exist_ok=True)
    folders = [str(folder) for folder in {path.parent for path in seeds.rglob("*") if path.is_file()}]
    with tempfile.TemporaryDirectory() as found:  # libFuzzer writes into the first folder
        limits = [f"-max_total_time={round(seconds)}", f"-artifact_prefix={crashes}/", "-max_len=4096"]
        atheris.Setup([sys.argv[0], *limits, found, *folders], target)
        atheris.Fuzz()
    raise SystemExit(0)


def main() -> None:
    """Fuzz each target, tell runs and crashes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target (1)")
    parser.add_argument("--seeds", type=Path, default=ROOT / "data" / "journals")
    parser.add_argument("--target", choices=["reader", "dates", "chunker", "ledger"], help="only this one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--crashes", type=Path, default=Path("crashes"))
    parser.add_argument("--atheris", action="store_true", help="steered by coverage; needs --target")
    options = parser.parse_args()
    chosen = {name: run for name, run in targets().items() if options.target in (None, name)}
    seeds = [path.read_bytes() for path in sorted(options.seeds.rglob("*")) if path.is_file()]
    if options.atheris:
        steered(chosen[options.target], options.seeds, options.minutes * 60, options.crashes / options.target)
    for name, target in chosen.items():
        runs, found = fuzz(target, seeds, options.minutes * 60, options.seed, options.crashes / name)
        print(f"{name:>8}  {runs:,} runs, {found} different crashes")


if __name__ == "__main__":
    main()
