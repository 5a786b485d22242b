"""Look through what was read, one key a decision: true or false, who is who, the right name, the right day.

Each decision acts at once: a false fact is gone, two entities become one, a name or a date is mended. It is kept as a
label: it holds after every later load, `u` (or --undo) takes the last one back, and `python -m app optimise` learns
from it. Forgetting an entry forgets the decisions that quote it.

Programs use --list for the items and --decisions for a JSONL file of {"uuid": ..., "verb": ...} with
verb accept, reject, date ("valid_at", "invalid_at"), rename ("to") or merge ("into": a name or a uuid).

examples:
  python -m app review
  python -m app review --list --json | jq -r '.[] | select(.kind == "fact") | .fact'
  python -m app review --decisions decided.jsonl
  python -m app review --undo
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.command import place_of
from app.cli.terminal import show

if TYPE_CHECKING:
    from app.pipeline.review import Review


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--list", action="store_true", help="only list what is undecided")
    how.add_argument("--decisions", type=Path, metavar="FILE", help="carry out the decisions of a JSONL file")
    how.add_argument("--undo", action="store_true", help="take the last decision back")
    parser.add_argument("--embedder", metavar="E", help="the embedder the home was built with")


def run(options: argparse.Namespace) -> int:
    """Open the home and review."""
    from app.cli import report
    from app.pipeline.review import as_json, review

    async def work(open_review: "Review") -> Any:
        if options.list:
            return [as_json(item) for item in await open_review.items()]
        if options.decisions is not None:
            return {"made": await _carry_out(open_review, options.decisions)}
        if options.undo:
            taken = await open_review.take_back()
            return {"verb": taken.verb, "kind": taken.kind, **taken.about}
        from app.cli.review_screen import look_through

        return {"made": await look_through(open_review)}

    told = review(place_of(options), work)
    if options.json:
        report.print_json(told)
    elif options.list:
        for item in told:
            show(f"{item['uuid']}  {item['kind']:<6}  {item.get('fact') or item['name']}")
    elif options.decisions is not None:
        print(f"{told['made']} decisions made")
    elif options.undo:
        show(f"taken back: {told['verb']} {told.get('fact') or told['name']}")
    return 0


async def _carry_out(open_review: "Review", path: Path) -> int:
    """Decisions of a file; one that cannot be made is named with its line, those before it are kept."""
    import json

    from app.errors import BadInput

    try:
        lines = path.expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read", hint="give a JSONL file") from error
    made = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            decision = json.loads(line)
            uuid, verb = decision.pop("uuid"), decision.pop("verb")
            how = {str(name): value for name, value in decision.items()}
            (item,) = [item for item in await open_review.items() if item.uuid == uuid]
            await open_review.decide(item, verb, **how)
        except BadInput as error:
            raise BadInput(f"{path}:{number}: {error.message}", hint=error.hint) from error
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            hint = "each line needs the uuid of an undecided item and a verb; see --help"
            raise BadInput(f"{path}:{number} is no decision on an undecided item", hint=hint) from error
        made += 1
    return made
