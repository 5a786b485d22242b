"""Where the server of a home is found, and started if there is none: a small private file in the home.

Knows a file and /health; knows nothing of what is served. In: a home.  Out: its server's URL and a key for it.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from app.errors import DaybookError, HomeBusy
from app.ledger.home import make_private_folder

FILE_NAME = "server.json"
START_SECONDS = 120.0  # a large model takes a minute to load
_ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Running:
    """A server of a home.

    key        for programs of the home's owner, who alone can read the file
    instance   drawn anew by every server; /health tells it, so that another server at the same address is not this one
    group      whose graph it shows
    """

    url: str
    key: str
    pid: int
    instance: str
    group: str


def announce(home: Path, running: Running) -> Path:
    """Write the file; the server takes it away when it ends."""
    make_private_folder(home)
    path = home / FILE_NAME
    beside = path.with_name(f".{FILE_NAME}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(running), file)
    beside.replace(path)
    return path


def withdraw(home: Path) -> None:
    """Take the file away, if it is still ours."""
    found = _read(home)
    if found is not None and found.pid == os.getpid():
        (home / FILE_NAME).unlink(missing_ok=True)


def find(home: Path) -> Running | None:
    """The server of this home, if one answers; the file of a killed one may name an address that is another's now."""
    found = _read(home)
    if found is None:
        return None
    try:
        response = httpx.get(f"{found.url}/health", timeout=2.0, trust_env=False)
    except httpx.HTTPError:
        return None
    return found if response.status_code == 200 and _instance_in(response) == found.instance else None


def refuse_second(home: Path) -> None:
    """raises HomeBusy where a server of this home answers"""
    found = find(home)
    if found is not None:
        raise HomeBusy(f"a server of {home} already answers at {found.url}", hint=f"stop process {found.pid} first")


def find_or_start(home: Path, group: str, *arguments: str) -> Running:
    """The server of this home; one is started in the background if none answers, and ends when nobody asks.

    raises   DaybookError if it does not come up; HomeBusy if it shows another group
    """
    found = find(home) or _start(home, "--group", group, *arguments)
    if found.group != group:
        raise HomeBusy(
            f"the server of {home} at {found.url} shows the group {found.group!r}, asked for is {group!r}",
            hint=f"stop process {found.pid} first, or ask with --group {found.group}",
        )
    return found


def _start(home: Path, *arguments: str) -> Running:
    make_private_folder(home)
    log = home / "server.log"
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
        child = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--home", str(home), "--port", "0", *arguments],
            cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=written, stderr=written, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = find(home)
        if found is not None:
            return found
        if child.poll() is not None:
            break
        time.sleep(0.1)
    last = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"])[-1]
    raise DaybookError(f"the server did not start: {last}", hint=f"see {log}")


def _read(home: Path) -> Running | None:
    try:
        told = json.loads((home / FILE_NAME).read_text(encoding="utf-8"))
        pid, group = int(told["pid"]), str(told["group"])
        return Running(str(told["url"]), str(told["key"]), pid, str(told["instance"]), group)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _instance_in(health: httpx.Response) -> str | None:
    """None where the answer is not that of a Daybook."""
    try:
        told = health.json()
    except ValueError:
        return None
    instance = told.get("instance") if isinstance(told, dict) else None
    return instance if isinstance(instance, str) else None
