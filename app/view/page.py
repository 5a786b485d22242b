"""Write the page: markup, style, scripts and data in one HTML file that needs nothing else.

Knows the files of `page/` and the vendored graph library; knows no database. In: a Picture.  Out: HTML as text.

Nothing of a journal is ever markup: it travels as JSON inside a data block and is put on the page as text nodes. The
policy in the page's head allows exactly this script and this style by their hashes, and no request to anywhere.
"""

import base64
import hashlib
import html
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.picture import Picture
from app.view.data import page_data

_HERE = Path(__file__).parent
_STYLES = ("base", "frame", "graph", "card", "timeline", "journal", "ask", "review", "print")
_VIEWS = ("graph", "time", "card", "timeline", "journal", "ask", "review")
_SCRIPTS = ("dom", "model", "route", "search", "people", *_VIEWS, "main")


@dataclass(frozen=True, slots=True)
class Live:
    """Where a served page asks its own server; a page on disk has none of it.

    ask      POST {"question", "as_of"} here, answered with `python -m app ask --json`'s object
    review   GET brings {"left", "decided", "last", "items"}, POST a decision brings the same, or None
    undo     POST {} takes the last decision back
    """

    ask: str
    review: str | None = None
    undo: str | None = None


def page(picture: Picture, *, title: str = "Daybook", live: Live | None = None) -> str:
    """The whole page."""
    return render(page_data(picture), title=title, live=live)


def render(data: dict[str, Any], *, title: str = "Daybook", live: Live | None = None) -> str:
    """The page of data that `page_data` made."""
    script, style = _joined("js", _SCRIPTS), _joined("css", _STYLES)
    told = {**data, "live": asdict(live) if live else None}
    parts = {
        "title": html.escape(title),
        "policy": html.escape(policy(live)),
        "style": style,
        # Inside a data block only "<" could end it or open a comment.
        "data": json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "script": script,
    }
    page = (_HERE / "page" / "page.html").read_text(encoding="utf-8")
    pieces = page.split("{{")
    return pieces[0] + "".join(parts[name] + rest for name, rest in (piece.split("}}", 1) for piece in pieces[1:]))


def policy(live: Live | None = None) -> str:
    """The Content-Security-Policy of the page: its own script and style by hash; a served page may ask its server."""
    rules = {
        "default-src": "'none'",
        "script-src": _hash(_joined("js", _SCRIPTS)),
        "style-src": _hash(_joined("css", _STYLES)),
        "connect-src": "'self'" if live else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@cache
def _joined(kind: str, names: tuple[str, ...]) -> str:
    """The files of one kind as one text: scripts share one scope and see nothing outside it."""
    texts = [(_HERE / "page" / f"{name}.{kind}").read_text(encoding="utf-8") for name in names]
    if kind == "css":
        return "\n" + "\n".join(texts)
    library = (_HERE / "vendor" / "graph.js").read_text(encoding="utf-8")
    return f'\n{library}\n(() => {{\n"use strict";\n' + "\n".join(texts) + "\n})();\n"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
