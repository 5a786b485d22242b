"""The review at a terminal: one thing at a time, one key a decision.

Knows a terminal and the keys; decides nothing itself. In: a Review.  Out: how many decisions were made.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.cli.terminal import inert
from app.errors import BadInput, DaybookError

if TYPE_CHECKING:  # at run time it would wake the graph
    from app.pipeline.review import Item, Review

_FACT_KEYS = "a true   r false   d its dates   s later   u take back   q end"
_ENTITY_KEYS = "a right   r no such thing   n its name   m is another   s later   u take back   q end"
_INTERRUPT, _END = "\x03", "\x04"


async def look_through(review: "Review") -> int:
    """Show every item until there is none left or the person ends.

    raises  BadInput where there is no terminal; KeyboardInterrupt for Ctrl-C: what was decided is kept
    """
    if not _is_terminal():
        raise BadInput("a review needs a terminal", hint="use --list and --decisions FILE from programs")
    items, place, made = await review.items(), 0, 0
    while place < len(items):
        item = items[place]
        _show(item, place, len(items), made)
        key = _key()
        if key in ("q", _END, "\x1b"):
            break
        try:
            if key == "u":
                taken = await review.take_back()
                made = max(made - 1, 0)
                items = await review.items()
                place = next((i for i, one in enumerate(items) if one.uuid == taken.target), min(place, len(items) - 1))
                continue
            decided = await _decide(review, item, key)
        except DaybookError as error:
            _say(f"   {error}")
            _pause()
            continue
        if decided:
            made += 1
            undecided = await review.items()  # a rejected entity takes its facts with it
            skipped = {one.uuid for one in items[:place]}
            items = [*items[:place], *(one for one in undecided if one.uuid not in skipped)]
        elif key == "s":
            place += 1
    _say(f"\n{made} decision{'' if made == 1 else 's'} made; {max(len(items) - place, 0)} left to look at")
    return made


async def _decide(review: "Review", item: "Item", key: str) -> bool:
    """Whether the key was a decision that was made."""
    if key == "a":
        await review.decide(item, "accept")
    elif key == "r":
        await review.decide(item, "reject")
    elif key == "d" and item.kind == "fact":
        dates = {name: _asked(words, item.about[name]) for name, words in _DATES}
        await review.decide(item, "date", **dates)
    elif key == "n" and item.kind == "entity":
        await review.decide(item, "rename", to=_asked("new name", item.about["name"]))
    elif key == "m" and item.kind == "entity":
        chosen = _asked("number of a near one, or any name", None) or ""
        numbered = chosen.isdecimal() and 0 < int(chosen) <= len(item.near)
        await review.decide(item, "merge", into=item.near[int(chosen) - 1][0] if numbered else chosen)
    else:
        return False
    return True


_DATES = (("valid_at", "true since (YYYY-MM-DD, - for open)"), ("invalid_at", "true until (YYYY-MM-DD, - for open)"))


def _show(item: "Item", place: int, total: int, made: int) -> None:
    print("\x1b[2J\x1b[H", end="")
    _say(f"{place + 1} of {total}{f', {made} decided' if made else ''}    {item.day}\n")
    about = item.about
    if item.kind == "fact":
        since = about["valid_at"] or "undated"
        until = f" to {about['invalid_at']}" if about["invalid_at"] else ""
        sure = f", {about['confidence']:.0%} sure" if about["confidence"] is not None else ""
        _say(f"   {about['fact']}")
        _say(f"   {about['source']} · {about['relation']} · {about['target']}    {since}{until}{sure}")
    else:
        _say(f"   {about['name']}  ({about['type']})")
    _say(f"\n   “{item.words}”\n")
    for number, (_, name) in enumerate(item.near, 1):
        _say(f"   {number}  {name}")
    _say(f"{chr(10) if item.near else ''}   {_FACT_KEYS if item.kind == 'fact' else _ENTITY_KEYS}")


def _asked(words: str, now: str | None) -> str | None:
    """A line typed; empty keeps what is, "-" empties it."""
    answer = input(inert(f"   {words}{f' [{now}]' if now else ''}: ")).strip()
    return None if answer == "-" else answer or now


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _key() -> str:
    """One key, as soon as it is pressed."""
    with _unbuffered():
        key = os.read(sys.stdin.fileno(), 8).decode("utf-8", "replace")
    if key == _INTERRUPT:
        raise KeyboardInterrupt
    return key or _END


@contextmanager
def _unbuffered() -> Iterator[None]:
    import termios
    import tty

    kept: list[Any] = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, kept)


def _pause() -> None:
    _say("   any key goes on")
    _key()


def _say(text: str) -> None:
    print(inert(text), flush=True)
