"""Review in a browser, with the keyboard: where the focus is and what is announced. Its server is made up."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.view.page import Live, page
from tests.view.pictures import small_life
from tests.view.test_browser import CHROMIUM, FLAGS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
NAMES = ("Clara", "Otto", "Paul")


class Server:
    """Answers what the page asks, with three names to decide on."""

    def __init__(self) -> None:
        self.decided: list[str] = []

    def answer(self, route: Any) -> None:
        """One request of the page."""
        path, body = urlsplit(route.request.url).path, route.request.post_data_json
        if path == "/":
            live = Live("/ask", "/review", "/undo")
            route.fulfill(body=page(small_life(), live=live), content_type="text/html")
            return
        if path == "/undo":
            self.decided.pop()
        elif body:
            self.decided.append(body["uuid"])
        waiting = [name for name in NAMES if name not in self.decided]
        last = {"verb": "accept", "about": self.decided[-1]} if self.decided else None
        told = {"left": len(waiting), "decided": len(self.decided), "last": last, "items": [*map(self.item, waiting)]}
        route.fulfill(json=told)

    @staticmethod
    def item(name: str) -> dict[str, Any]:
        """A name to decide on, as the server tells it."""
        told = {"uuid": name, "kind": "entity", "type": "Person", "name": name}
        return {**told, "day": "1912-04-03", "words": f"I met {name}.", "near": []}


@pytest.fixture
def tab() -> Iterator[Any]:
    """The page with review open at its first question, and nothing but the made up server to ask."""
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = chromium.new_page(viewport={"width": 1360, "height": 840})
        tab.set_default_timeout(20_000)
        tab.route("**/*", Server().answer)
        tab.goto("http://daybook.test/#/review")
        yield tab
        chromium.close()


def at(tab: Any, name: str) -> str:
    """Wait for the question about a name, which is announced too; the class of what holds the focus then."""
    tab.locator(".sheet h2").filter(has_text=name).wait_for()
    assert name in " ".join(tab.locator("#review [role=status]").all_inner_texts())
    return str(tab.evaluate("document.activeElement.className || document.activeElement.tagName"))


def press(tab: Any, selector: str) -> None:
    """Activate a button with the keyboard."""
    tab.focus(selector)
    tab.keyboard.press("Enter")


def test_after_a_choice_the_focus_is_on_the_next_question(tab: Any) -> None:
    """By a button, a form or the last one's taking back; a Tab from there is at the first choice."""
    at(tab, "Clara")
    press(tab, ".choice[data-key=a]")
    assert at(tab, "Otto") == "sheet"
    tab.keyboard.press("Tab")
    assert at(tab, "Otto") == "choice main"
    press(tab, ".choice[data-key=s]")
    assert at(tab, "Paul") == "sheet"
    press(tab, ".choice[data-key=n]")
    tab.keyboard.press("Enter")
    tab.locator(".sheet .empty").wait_for()
    press(tab, ".sheet .more")
    assert at(tab, "Otto") == "sheet"
    press(tab, ".review-top button:has-text('Take back')")
    tab.locator(".review-top").filter(has_text="2 left").wait_for()
    press(tab, ".review-top button:has-text('Take back')")
    assert at(tab, "Clara") == "sheet"


def test_a_choice_by_its_key_leaves_the_focus_where_it_is(tab: Any) -> None:
    """Whoever stands outside the question is not moved into it, and hears the next one all the same."""
    at(tab, "Clara")
    tab.focus("#theme")
    tab.keyboard.press("a")
    assert at(tab, "Otto") == "quiet"
    tab.keyboard.press("s")
    assert at(tab, "Paul") == "quiet"
