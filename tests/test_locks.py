"""The locks hold what pyproject.toml asks for, with hashes, and say nothing of where it came from.

Knows the two lock files; installs nothing.
"""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUN, DEV = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"


def pins(lock: Path) -> list[Requirement]:
    """The pinned requirements of a lock; one package may stand twice, under different markers."""
    lines = re.sub(r"\\\n", " ", lock.read_text(encoding="utf-8")).splitlines()
    return [Requirement(line.split("--hash")[0]) for line in lines if line and not line.startswith((" ", "#"))]


@pytest.mark.parametrize(("lock", "groups"), [(RUN, []), (DEV, ["dev"])])
def test_the_lock_answers_pyproject(lock: Path, groups: list[str]) -> None:
    """Every requirement of pyproject.toml is pinned to a version that it allows."""
    pinned = pins(lock)
    wanted = [*PROJECT["project"]["dependencies"], *(r for g in groups for r in PROJECT["dependency-groups"][g])]
    for text in wanted:
        requirement = Requirement(text)
        versions = [next(iter(p.specifier)).version for p in pinned if p.name == canonicalize_name(requirement.name)]
        assert versions, f"{lock.name} lacks {requirement.name}: run make lock"
        assert all(v in requirement.specifier for v in versions), f"{lock.name}: {requirement.name} {versions}"


def test_one_environment_serves_both_locks() -> None:
    """Every version of the run-time lock stands in the development lock too, for the same systems or for more."""
    wanted, held = ({(p.name, str(p.specifier)): p.marker for p in pins(lock)} for lock in (RUN, DEV))
    assert {pin for pin in wanted if pin not in held or held[pin] not in (None, wanted[pin])} == set()


@pytest.mark.parametrize("lock", [RUN, DEV])
def test_a_lock_names_no_address(lock: Path) -> None:
    """A lock is names, versions and hashes: no index, no host, no path of the machine it was made on."""
    text = lock.read_text(encoding="utf-8")
    assert re.search(r"://|--index|--extra-index|--find-links| @ |(?<!\w)/\w", text) is None


@pytest.mark.parametrize("lock", [RUN, DEV])
def test_every_pin_has_a_hash(lock: Path) -> None:
    """A package without a hash could be anything."""
    lines = re.sub(r"\\\n", " ", lock.read_text(encoding="utf-8")).splitlines()
    assert [line for line in lines if "==" in line and not line.startswith(" ") and "--hash=sha256:" not in line] == []
