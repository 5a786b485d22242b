"""Throw made and broken text at whatever reads it: `python -m benchmarks.fuzz --minutes 10`.

Knows the reader, the dates, the chunker and the ledger's file; knows no model. In: minutes for each of the four, and a
folder of journals as seeds (default: the sample journals).  Out: runs, and the input of every crash, kept as a file.

A seed is cut, joined, flipped and sprinkled with what parsers trip over. Where `atheris` is installed, the same targets
can be steered by coverage: `python -m benchmarks.fuzz --target reader --atheris`. `--every-byte` flips each byte of a
small ledger in turn.
"""

import argparse
import gc
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from types import FunctionType
from typing import Any, NoReturn

from app.errors import BadJournal, DaybookError, StorageFailed
from app.journal.chunks import chunk_entry
from app.journal.dates import find_dates
from app.journal.reader import read_journal
from app.journal.sentences import split_sentences
from app.journal.types import Entry, OffsetMap
from app.ledger.checksums import teach
from app.ledger.records import FileReading
from app.ledger.store import LEDGER_NAME, Ledger
from app.picture import Label
from app.settings import ROOT

Target = Callable[[bytes], None]
TRIPS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\r\n\r\n", b"---\n", b"# 2024-02-30\n", b"# 2024-02-29\n", b"{",
    b"[" * 40, b'"entries"', b"\xe2\x80\xae", b"\xcc\x81" * 9, "二〇二四年二月三十日".encode(),
    b"yesterday", b"1." * 50, b"999999999 years ago", b"<|im_end|>", b"\xf0\x9d\x92", b"12/13/14", b"[2024-01-01 Mon]",
)  # fmt: skip
DAY = date(2024, 2, 29)
GROUP, FILES = "journal", (Path("/life/2023.md"), Path("/life/2024.md"), Path("/life/old.json"))
ANSWERS = {f"{n:064x}": f'{{"edges": ["Nadia met Thomas {"again and " * n}again!"]}}' for n in range(0, 90, 9)}
VECTORS = {f"{n:064x}": bytes((n + m) % 256 for m in range(256)) for n in range(1, 90, 9)}
WEIGHTS = [[0.25, 1], [0.5, 2]]
LOOSE = "f" * 64  # the key of an answer that no graph stands on
_ASKED: Any = {"prompt_name": "p", "prompt_tokens": 9, "answer_tokens": 1, "cached_tokens": 0, "seconds": 1}


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
    """The ledger's file with some of its bytes changed: it holds what it held, or is refused in one line.

    Answers and vectors may be missing: they are asked for and computed again.

    whole    the file as it was, in small pages, so that there is one of every kind
    broken   the home in which a changed file is looked at
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp())
        home, self.broken = self._folder / "whole", self._folder / "broken"
        with Ledger.open(home) as ledger:
            self._fill(ledger)
        with closing(sqlite3.connect(home / LEDGER_NAME, isolation_level=None)) as connection:
            teach(connection)
            for statement in ("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 512", "VACUUM"):
                connection.execute(statement)
        with Ledger.open(home) as ledger:
            ledger.uses.sweep()  # leaves free pages
            ledger.calls.put(LOOSE, answer="of a text that is forgotten", **_ASKED)
        self.whole = (home / LEDGER_NAME).read_bytes()
        with Ledger.open(home) as ledger:
            self._content = self._read(ledger)
        shutil.rmtree(home)

    def _fill(self, ledger: Ledger) -> None:
        told = ("Nadia met Thomas. He left.", "Rain. Tea with Mara.", 'Kiel: "home".')
        readings = []
        for number, (path, text) in enumerate(zip(FILES, told, strict=True)):
            escapes = OffsetMap((0, 7, len(text)), (9, 17, len(text) + 10)) if path.suffix == ".json" else None
            entry = Entry(path, DAY + timedelta(number), text, 9, 9 + len(text), f"Day {number}", offsets=escapes)
            chunks = tuple(chunk_entry(entry, max_tokens=20, count_tokens=len))
            readings.append(FileReading(path, f"{number}" * 64, len(text), "utf-8", (entry,), chunks))
        ledger.plan(GROUP, readings)
        first, second, *_ = waiting = [chunk.episode_uuid for chunk in ledger.pending_chunks(GROUP)]
        for uuid in waiting[:-1]:
            ledger.begin(uuid)
        ledger.finish(first, "done")
        ledger.finish(second, "empty")
        ledger.finish(waiting[2], "quarantined", "the answer was cut off")
        ledger.plan(GROUP, readings[1:], gone_files=FILES[:1])
        ledger.uses.begin(GROUP)
        for key, answer in ANSWERS.items():
            ledger.calls.put(key, answer=answer, weights=WEIGHTS, **_ASKED)
        ledger.vectors.put_all(VECTORS)
        ledger.uses.end()
        ledger.vectors.put_all({f"{n:064d}": bytes(1024) for n in range(3)})
        for name in ("Thomas", "Tomas", "Mara"):
            label = Label("rename", "entity", first, {"name": name}, {name: (first, second)}, {"name": "Nadia"})
            ledger.labels.keep(GROUP, label)
        ledger.labels.withdraw([2])
        ledger.claim("embedder", "nano/256")
        ledger.note("speed", "123.4")

    def _read(self, ledger: Ledger) -> list[Any]:
        """All that is in a ledger, through its own methods."""
        content: list[Any] = [
            ledger.known_files(GROUP), ledger.past.entries(GROUP), ledger.places(GROUP), ledger.counts(GROUP),
            ledger.quarantined(GROUP), ledger.chunk_records(GROUP), ledger.journal_files(GROUP),
            ledger.decisions(GROUP), ledger.labels.all(GROUP), ledger.past.replay, ledger.pending_chunks(GROUP),
            [ledger.claimed(name) for name in ("embedder", "speed", f"round of {GROUP}", "at work")],
        ]  # fmt: skip
        for key, answer in ANSWERS.items():
            told = ledger.calls.get(key), ledger.weights.get(key)
            assert told == (answer, WEIGHTS) or told[0] is None, "a damaged answer"
        for key, vector in VECTORS.items():
            assert ledger.vectors.get(key) in (vector, None), "a damaged vector"
        ledger.past.start_replay(sweep=True)
        content += [ledger.past.stretches(), ledger.pending_chunks(GROUP), ledger.claimed(f"round of {GROUP}")]
        ledger.uses.sweep()
        assert ledger.calls.get(LOOSE) is None, "what nothing stands on is forgotten"
        return content

    def __call__(self, raw: bytes) -> None:
        """raw   which bytes to change, and to what"""
        broken = bytearray(self.whole)
        for place in range(0, len(raw) - 4, 5):
            broken[int.from_bytes(raw[place : place + 4], "big") % len(broken)] = raw[place + 4]
        self.holds(bytes(broken))

    def holds(self, broken: bytes) -> bool:
        """Whether a changed file was taken, after all laws on it; False if it was refused."""
        shutil.rmtree(self.broken, ignore_errors=True)
        self.broken.mkdir()
        (self.broken / LEDGER_NAME).write_bytes(broken)
        try:
            with Ledger.open(self.broken) as ledger:
                assert self._read(ledger) == self._content, "what it holds"
        except StorageFailed as error:
            _one_line(error)
            if any(word in str(error) for word in ("Nadia", "Thomas", "Mara", "Kiel")):
                raise AssertionError("no word of a journal") from error
            return False
        return True


def every_byte(seed: int) -> None:
    """Flip every byte of a small ledger, one at a time, to another that chance chooses; tell how it went."""
    decoder, chance, taken = Decoder(), random.Random(seed), 0
    for place in range(len(decoder.whole)):
        broken = bytearray(decoder.whole)
        broken[place] ^= chance.randint(1, 255)
        try:
            taken += decoder.holds(bytes(broken))
        except Exception as error:  # whatever it is, it is a fault, and it is told by its byte
            raise SystemExit(f"byte {place:,} to {broken[place]}: {type(error).__name__}: {error}") from error
    total = len(decoder.whole)
    print(f"{total:,} bytes flipped one at a time: {taken:,} times all was as before, {total - taken:,} times refused")


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
    parser.add_argument("--every-byte", action="store_true", help="flip each byte of a small ledger instead")
    options = parser.parse_args()
    if options.every_byte:
        every_byte(options.seed)
        return
    chosen = {name: run for name, run in targets().items() if options.target in (None, name)}
    seeds = [path.read_bytes() for path in sorted(options.seeds.rglob("*")) if path.is_file()]
    if options.atheris:
        steered(chosen[options.target], options.seeds, options.minutes * 60, options.crashes / options.target)
    for name, target in chosen.items():
        runs, found = fuzz(target, seeds, options.minutes * 60, options.seed, options.crashes / name)
        print(f"{name:>8}  {runs:,} runs, {found} different crashes")


if __name__ == "__main__":
    main()
