"""How much memory this machine has, and how much of it is free now, as the operating system tells.

Knows Linux's meminfo and control groups and the system calls that every Unix has; knows no GPU.
In: nothing, or a folder that looks like /proc and /sys for a test.  Out: a Memory.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that model, caches and passes may share.

    total   when nothing else runs
    free    now
    """

    total: int
    free: int


def system_memory(root: Path = Path("/")) -> Memory:
    """The tightest of the machine and every control group this process is in; half is taken as free if nobody says."""
    lines = _lines(root / "proc/meminfo")
    told = {name: int(rest.split()[0]) * KIB for name, _, rest in (line.partition(":") for line in lines)}
    total = told.get("MemTotal") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = told.get("MemAvailable", total // 2)
    for limit, used in _control_groups(root):
        total, free = min(total, limit), min(free, max(limit - used, 0))
    return Memory(total, free)


def _control_groups(root: Path) -> Iterator[tuple[int, int]]:
    """(limit, used) of each control group above this process that has a limit; file caches count as unused."""
    paths = [line.split(":", 2)[2] for line in _lines(root / "proc/self/cgroup") if line.count(":") >= 2]
    groups = root / "sys/fs/cgroup"
    mounts = [
        (groups, "memory.max", "memory.current", "inactive_file"),
        (groups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ]
    for mount, limit_name, used_name, cache_name in mounts:
        # A container often sees its own group as the mount itself, whatever the path says.
        folders = {mount} | {mount / part for path in paths for part in _ancestors(path.strip("/"))}
        for folder in sorted(folders):
            limit, used = _number(folder / limit_name), _number(folder / used_name)
            if limit is not None and used is not None:
                statistics = dict(line.split(" ", 1) for line in _lines(folder / "memory.stat") if " " in line)
                yield limit, max(used - int(statistics.get(cache_name, 0)), 0)


def _ancestors(path: str) -> Iterator[str]:
    parts = path.split("/") if path else []
    yield from ("/".join(parts[: length + 1]) for length in range(len(parts)))


def _number(file: Path) -> int | None:
    text = " ".join(_lines(file))
    return int(text) if text.isdecimal() else None  # "max": no limit


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
