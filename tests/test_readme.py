"""What the README says of the code is read from the code."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parent.parent


SHOWN = ("app", "training", "benchmarks", "examples")


def test_the_readme_shows_every_file_with_its_own_first_line() -> None:
    """The tree is `python docs/tree.py`'s, so a file that comes, goes or changes its purpose changes the README."""
    told = runpy.run_path(str(ROOT / "docs" / "tree.py"))
    assert told["tree"]() in (ROOT / "README.md").read_text(encoding="utf-8")
    rooms = {
        door.parent.relative_to(ROOT).as_posix() for place in SHOWN for door in (ROOT / place).rglob("__init__.py")
    }
    assert set(told["ROOMS"]) == rooms


def test_every_link_of_the_documents_leads_somewhere() -> None:
    """Relative links in Markdown name files that exist."""
    import re

    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("training/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
