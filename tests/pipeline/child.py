"""Loads in processes of their own: to be killed, interrupted, or to prove that they are quiet.

In: what to do and a folder.  Out: one line of JSON. Each run is a fork, so that libraries are imported once.
"""

import json
import os
import signal
import socket
import sqlite3
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

NETWORK: list[str] = []


def note_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        NETWORK.append(f"{event} {arguments[1:]}")


sys.addaudithook(note_network)  # before anything else is imported

import pytest  # noqa: E402

import load_journals  # noqa: E402
from app.graph.drivers.kuzu import EmbeddedKuzu  # noqa: E402
from app.ledger.database import Database  # noqa: E402
from app.ledger.store import LEDGER_NAME  # noqa: E402
from tests.pipeline.scripted import OWNER, WEEKS, fresh_home, install, write_journal  # noqa: E402

MOMENTS = (3, 20, 40, 60, 75, 90)  # per cent of all statements of a run


def load(
    journals: Path, home: Path, before_call: Callable[[int], None] = lambda _: None, options: Sequence[str] = ()
) -> dict[str, Any]:
    """One load of the journals."""
    return ran(
        home, lambda: load_journals.main([str(journals), "--home", str(home), "--owner", OWNER, *options]), before_call
    )


def ran(home: Path, command: Callable[[], int], before_call: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """One run of a command: how it ended, how many answers it had to compute, and the graph it left in the home."""
    from tests.pipeline.conftest import dump_of

    with pytest.MonkeyPatch.context() as patch:
        engine = install(patch, before_call)
        recorded = answers(home)
        code = command()
    return {"code": code, "computed": engine.computed, "recorded": recorded, "dump": code or dump_of(home)}


def answers(home: Path) -> int:
    """How many answers the ledger of a home holds."""
    if not (home / LEDGER_NAME).exists():
        return 0
    ledger = sqlite3.connect(home / LEDGER_NAME)
    try:
        return int(ledger.execute("SELECT count(*) FROM calls").fetchone()[0])
    except sqlite3.OperationalError:  # killed before its tables were made
        return 0
    finally:
        ledger.close()


def count_statements(patch: pytest.MonkeyPatch, die_after: int | None = None, die_at: str = "") -> list[int]:
    """Count what ledger and graph are told, and SIGKILL this process after the n-th statement or before a given one."""
    told = [0]

    def counted(run: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any, **options: Any) -> Any:
            if die_at and any(isinstance(a, str) and a.startswith(die_at) for a in arguments):
                os.kill(os.getpid(), signal.SIGKILL)
            result = run(*arguments, **options)
            told[0] += 1
            if told[0] == die_after:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return count

    patch.setattr(Database, "rows", counted(Database.rows))
    patch.setattr(EmbeddedKuzu, "_run", counted(EmbeddedKuzu._run))
    return told


def in_a_fork(job: Callable[[], Any], words: Path | None = None) -> tuple[int, Any]:
    """(signal that ended it, what the job returned); what the child says on stderr goes into a file, or nowhere."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads; none of ours holds a lock
        child = os.fork()
    if child == 0:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(words or os.devnull, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), 2)
        with os.fdopen(writer, "w") as out:
            json.dump(job(), out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status), json.loads(text) if text else None


def kill(folder: Path) -> dict[str, Any]:
    """Kill a load at several moments, run the same command again, compare with a run left in peace."""
    journals = write_journal(folder / "journals" / "2024.md", *WEEKS).parent

    def run(home: Path, **how: Any) -> dict[str, Any]:
        with pytest.MonkeyPatch.context() as patch:
            told = count_statements(patch, **how)
            return {**load(journals, home), "statements": told[0]}

    peaceful = fresh_home(folder / "peaceful")
    _, undisturbed = in_a_fork(lambda: run(peaceful))
    total = undisturbed["statements"]
    deaths: list[dict[str, Any]] = [{"die_after": total * share // 100} for share in MOMENTS]
    deaths.append({"die_at": "UPDATE chunks SET state"})  # the graph has the episode, the ledger does not know
    told: dict[str, Any] = {"deaths": len(deaths), "killed": 0, "different": [], "asked_again": []}
    for place, death in enumerate(deaths):
        home = fresh_home(folder / f"killed-{place}")
        ended_by, _ = in_a_fork(lambda home=home, death=death: run(home, **death))  # type: ignore[misc]
        told["killed"] += ended_by == signal.SIGKILL
        _, again = in_a_fork(lambda home=home: run(home))  # type: ignore[misc]
        if again["code"] or again["dump"] != undisturbed["dump"]:
            told["different"].append(death)
        if again["recorded"] + again["computed"] != undisturbed["computed"]:
            told["asked_again"].append(death)
    return told


def stopped(folder: Path) -> dict[str, Any]:
    """A signal in the middle of a load, then the same command once more; and a load whose words nobody reads."""
    # Whoever started the tests may ignore these (nohup, a job in the background), and a load would rightly do so too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    journals = write_journal(folder / "journals" / "2024.md", *WEEKS).parent
    peaceful = fresh_home(folder / "peaceful")
    _, undisturbed = in_a_fork(lambda: load(journals, peaceful))

    def run(home: Path, number: int = 0) -> dict[str, Any]:
        return load(journals, home, lambda n: os.kill(os.getpid(), number) if number and n == 5 else None)

    def told_of(home: Path, number: int = 0) -> dict[str, Any]:
        ended_by, ran = in_a_fork(lambda: run(home, number), folder / "said")
        return {"signal": ended_by, "ran": ran, "said": (folder / "said").read_text().splitlines()}

    found: dict[str, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV, signal.SIGKILL):
        home = fresh_home(folder / f"stopped-{number}")
        first, again = told_of(home, number), told_of(home)
        found[number.name] = {
            "code": first["ran"] and first["ran"]["code"],
            "signal": first["signal"],
            "said": first["said"],
            "same": again["ran"]["dump"] == undisturbed["dump"],
            "asked": again["ran"]["recorded"] + again["ran"]["computed"] - undisturbed["computed"],
            "told": [line for line in again["said"] if "was killed" in line],
        }

    def unheard() -> dict[str, Any]:
        nobody, deaf = os.pipe()
        os.close(nobody)
        os.dup2(deaf, 2)
        return run(fresh_home(folder / "unheard"))

    _, alone = in_a_fork(unheard)
    found["unheard"] = alone == undisturbed
    return found


def quiet(folder: Path) -> dict[str, Any]:
    """A load, a search with the bundled embedder, a look: and every reach for the network on the way."""
    from app import __main__ as daybook
    from app.llm.reranker import EmbeddingReranker
    from app.pipeline import embedding, models
    from app.settings import BUNDLED_EMBEDDER
    from tests.pipeline.scripted import ScriptedEngine

    def open_models(_model: str, embedder: str, ledger: Any, _say: object = None) -> models.Models:
        client, stats = models.open_client(ScriptedEngine(), ledger)  # type: ignore[arg-type]
        vectors = embedding.open_embedder(embedder, ledger)
        return models.Models(client, vectors, EmbeddingReranker(vectors), stats, "model: scripted")

    journals, home = write_journal(folder / "journals" / "2024.md", *WEEKS).parent, str(folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "open_models", open_models)
        out = os.dup(1)
        os.dup2(2, 1)
        embedder = ["--embedder", str(BUNDLED_EMBEDDER)]
        codes = [
            load_journals.main([str(journals), "--home", home, "--owner", OWNER, *embedder]),
            daybook.main(["search", "where does Nadia work", "--home", home, *embedder]),
            daybook.main(["status", "--home", home]),
        ]
        sys.stdout.flush()
        os.dup2(out, 1)
    return {"codes": codes, "network": NETWORK}


def offline(folder: Path) -> dict[str, Any]:
    """A load with --prove-offline beside one without, and what a socket meets after it."""
    import urllib.request

    journals = write_journal(folder / "journals" / "2024.md", *WEEKS).parent
    free, shut = fresh_home(folder / "free"), fresh_home(folder / "shut")

    def proved() -> dict[str, Any]:
        ran = load(journals, shut, options=["--prove-offline"])
        refused = 0
        for reach in (lambda: socket.socket(), lambda: urllib.request.urlopen("http://127.0.0.1:9")):
            try:
                reach()
            except OSError as error:
                refused += "not permitted" in str(error)
        return {**ran, "refused": refused}

    _, undisturbed = in_a_fork(lambda: load(journals, free))
    _, ran = in_a_fork(proved)
    return {
        "same": ran["dump"] == undisturbed["dump"],
        "code": ran["code"],
        "refused": ran["refused"],
        "manifest": json.loads((shut / "offline.json").read_text()),
    }


if __name__ == "__main__":
    print(
        json.dumps(
            {"kill": kill, "stopped": stopped, "quiet": quiet, "offline": offline}[sys.argv[1]](Path(sys.argv[2]))
        )
    )
