"""What is killed, or its disk fails, at any instant is finished by the same command: nothing lost, nothing doubled."""

import shutil
import sys
from typing import Any

import pytest

from tests.trust.breaking import start

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="the faults are C, preloaded as Linux does it"
)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What became of all the broken loads."""
    return start("suite", tmp_path_factory.mktemp("broken"))


@pytest.mark.parametrize("how", ["every rename", "some syncs", "some statements", "random"])
def test_a_killed_load_is_finished_by_the_next(broken: Any, how: str) -> None:
    """The graph equals that of an undisturbed run, no chunk is lost or doubled, no answered call is asked again."""
    told = broken[how]
    assert told["tried"] >= 4
    assert told["killed"] >= told["tried"] - 1  # the last one of `every` finds nothing to die at
    assert told["faults"] == []


@pytest.mark.parametrize("kind", ["statement", "rename"])
@pytest.mark.parametrize("command", ["forget", "edit", "rebuild --into"])
def test_a_killed_forgetting_or_building_is_finished_by_the_same_command(broken: Any, command: str, kind: str) -> None:
    """The graph of an undisturbed run, no answer asked again, and no file of the home with a forgotten word."""
    told = broken[command][kind]
    assert told["killed"] == told["tried"] >= 2
    assert told["faults"] == []


@pytest.mark.parametrize("failure", ["ENOSPC", "EIO", "ENOMEM"])
def test_a_disk_that_fails_is_named_and_nothing_is_lost(broken: Any, failure: str) -> None:
    """Exit code 3 and one line, or 0 where it did no harm; the ledger opens again, the next run finishes."""
    told = broken[failure]
    assert told["faults"] == []
    assert set(told["codes"]) <= ({"3"} if failure == "ENOSPC" else {"0", "3"})
