"""Kill commands at every or any instant and run them again: `python -m benchmarks.kills --kills 1000`.

Knows the tests' breaking.py, which preloads tests/trust/faults.c (Linux, a C compiler); measures no time.
In: what to break, and how often.  Out: how many were killed, and what each fault was.

  --kills N        at N writes, syncs, renames and queries, drawn at random
  --every KIND     at the first, second, third ... sync, rename, write or statement (a query) until a run finishes
  --failing ERROR  ENOSPC, EIO or ENOMEM at N of the writes
  --of COMMAND     load (the default), forget, edit (a load of an edited file), rebuild or "rebuild --into"
"""

import argparse
import json
import tempfile
from pathlib import Path

from tests.trust.breaking import start


def main() -> None:
    """Break, mend, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, metavar="N")
    parser.add_argument("--every", choices=["sync", "rename", "write", "statement"])
    parser.add_argument("--failing", choices=["ENOSPC", "EIO", "ENOMEM"])
    parser.add_argument("--of", choices=["load", "forget", "edit", "rebuild", "rebuild --into"], default="load")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.every:
            told = start("every", Path(folder), options.of, options.every)
        elif options.failing:
            told = start("failing", Path(folder), options.of, options.failing, str(options.kills))
        else:
            told = start("random", Path(folder), options.of, str(options.kills), str(options.seed))
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
