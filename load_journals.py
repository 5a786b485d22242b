"""Read journals into a knowledge graph: python load_journals.py [PATH ...]

PATH is a journal file or a folder of them; without one the sample journals in data/journals are read.
Plain text with date headings, Markdown with front matter, one file a day, Day One exports and jrnl are understood.
Running it again reads only what is new or changed; Ctrl-C and even kill -9 lose nothing.

examples:
  python load_journals.py                                 the sample journals, with the bundled model
  python load_journals.py ~/diary --owner "Anna Keller"   your own; Anna is the "I" of the entries
  python load_journals.py ~/diary --dry-run               read, plan, foretell time and memory
  python load_journals.py ~/diary --model mlx-community/Qwen3-4B-4bit
  python load_journals.py ~/diary --since 2020-01-01 --limit 50 --json > report.json

exit codes: 0 done; 1 something failed, run it again; 2 unusable input; 3 storage failed; 4 another run holds the home;
130 interrupted, run it again to go on.
"""

import argparse
import sys
from pathlib import Path

from app.cli.command import Parser, at_least_one, command, iso_date


def main(arguments: list[str] | None = None) -> int:
    """Parse, run the pipeline, print the report; returns the exit code."""
    options = _parser().parse_args(arguments)
    return command(lambda: _load(options), as_json=options.json)


def _load(options: argparse.Namespace) -> int:
    # Late, so that --help answers at once.
    from app.cli.progress import ProgressBar
    from app.cli.report import print_report
    from app.pipeline.request import LoadRequest

    request = LoadRequest(
        paths=[Path(path).expanduser() for path in options.paths],
        model=options.model,
        embedder=options.embedder,
        home=options.home,
        group=options.group,
        owner=options.owner,
        since=options.since,
        until=options.until,
        limit=options.limit,
        date_from=options.date_from,
        dry_run=options.dry_run,
        retry=options.retry,
        min_confidence=options.min_confidence,
    )
    if options.prove_offline:
        from app.pipeline.offline import load_offline as load
    else:
        from app.pipeline.load import load_journals as load
    with ProgressBar() as bar:
        report = load(request, bar)
    print_report(report, as_json=options.json)
    return report.exit_code


def _parser() -> argparse.ArgumentParser:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = Parser(
        prog="load_journals.py",
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="journal files and folders (default: data/journals)")
    what = parser.add_argument_group("what to read")
    what.add_argument("--since", type=iso_date, metavar="DATE", help="only entries of this day or later (YYYY-MM-DD)")
    what.add_argument("--until", type=iso_date, metavar="DATE", help="only entries of this day or earlier")
    what.add_argument("--limit", type=at_least_one, metavar="N", help="only the first N of these entries, by date")
    what.add_argument(
        "--date-from",
        choices=("heading", "name", "mtime"),
        default="heading",
        help="where a file without date headings gets its date: from its name or its time of change",
    )
    what.add_argument(
        "--dry-run", action="store_true", help="read, plan, foretell calls, time and memory; write nothing"
    )
    what.add_argument("--retry", action="store_true", help="try again what earlier runs had to put aside")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--min-confidence",
        type=float,
        metavar="P",
        help="leave out facts less sure than this, 0 to 1 (0, or as `optimise` has learnt); see `evaluate`",
    )
    how.add_argument("--owner", metavar="NAME", help='who "I" is in the entries (DAYBOOK_OWNER)')
    how.add_argument("--model", metavar="M", help="a model folder or hub name (MLX_MODEL_NAME; default: bundled)")
    how.add_argument("--embedder", metavar="E", help="an embedding model (MLX_EMBEDDER_NAME; default: bundled)")
    how.add_argument("--home", type=Path, metavar="DIR", help="where all state is kept (DAYBOOK_HOME)")
    how.add_argument("--group", metavar="G", help="whose graph, if you keep several (DAYBOOK_GROUP; default: journal)")
    how.add_argument(
        "--prove-offline",
        action="store_true",
        help="let the kernel refuse every socket, and write down in the home what the run stood on (offline.json)",
    )
    how.add_argument("--json", action="store_true", help="the report as one JSON object on stdout")
    return parser


if __name__ == "__main__":
    sys.exit(main())
