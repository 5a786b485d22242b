"""What the journal tests share: real journals beside the checkout, and the law every reading keeps."""

import gzip
import json
import os
from pathlib import Path

import pytest

from app.journal.reader import Reading

SHARED = Path(os.environ.get("DAYBOOK_SHARED", Path(__file__).parents[2].parent / "shared"))
DATA = SHARED / "data"
RAW = DATA / "diaries" / "raw"
needs_data = pytest.mark.skipif(not RAW.is_dir(), reason=f"no real journals at {RAW}")


def records(name: str, prefix: str = "") -> list[dict[str, str]]:
    """Records of a JSON-lines file under data/ whose date begins with `prefix`."""
    path = DATA / name
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [row for line in raw.decode().splitlines() if (row := json.loads(line))["date"].startswith(prefix)]


def assert_partition(reading: Reading) -> None:
    """Every character of the file is in exactly one entry or one piece of furniture."""
    spans = sorted([(e.start, e.end) for e in reading.entries] + [span for span, _ in reading.furniture])
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == len(reading.text) == reading.covered_chars
    assert all(reading.text[e.start : e.end] == e.text for e in reading.entries if e.offsets is None)
