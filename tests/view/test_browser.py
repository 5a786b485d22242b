"""The page in a browser: what a person does with it. Skipped where there is no Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.view.page import page
from tests.view.pictures import HOSTILE, Life, small_life

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of this file, drawing WebGL in software."""
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Opened:
    """A page opened from disk, with everything the browser complained of and asked for."""

    def __init__(self, tab: Any, file: Path) -> None:
        self.tab = tab
        self.complaints: list[str] = []
        self.requests: list[str] = []
        tab.set_default_timeout(20_000)
        tab.on("console", lambda message: self.complaints.append(message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.goto(file.as_uri())
        tab.wait_for_selector("html[data-map=drawn]")

    def text(self, selector: str) -> str:
        return " ".join(str(self.tab.inner_text(selector)).split())

    def sees(self, selector: str, words: str) -> bool:
        """Wait until the words stand there: an address is followed a moment after the click."""
        self.tab.locator(selector).filter(has_text=words).first.wait_for()
        return True

    def focused(self) -> str:
        """What holds the focus: its id, or else its words; "BODY" where it is lost."""
        return str(
            self.tab.evaluate(
                "(({ tagName, id, innerText }) => tagName === 'BODY' ? tagName : id || innerText)"
                "(document.activeElement)"
            )
        )

    def slide_to(self, share: float) -> None:
        """Move the time slider, as a hand would leave it."""
        self.tab.evaluate(
            "share => { const s = document.getElementById('day');"
            " s.value = String(Math.round(+s.min + share * (s.max - s.min)));"
            " s.dispatchEvent(new Event('input')); }",
            share,
        )


@pytest.fixture
def life(browser: Any, tmp_path: Path) -> Iterator[Opened]:
    """The small life, whose friend bears a hostile name; at the end nothing was complained of and nothing asked for."""
    file = tmp_path / "daybook.html"
    file.write_text(page(small_life(HOSTILE), title="Anna's journals"), encoding="utf-8")
    tab = browser.new_page(viewport={"width": 1360, "height": 840})
    opened = Opened(tab, file)
    yield opened
    assert opened.complaints == []
    assert opened.requests == [file.as_uri()]
    assert tab.evaluate("window.__pwned === undefined")
    tab.close()


def test_on_a_narrow_screen_the_card_is_in_sight(life: Opened) -> None:
    """Whoever is chosen, by search or far down in the list, shows on the screen, and nothing is wider than it."""
    life.tab.set_viewport_size({"width": 390, "height": 800})
    in_sight = (
        "() => { const { top } = document.querySelector('#card h2').getBoundingClientRect();"
        " const bar = document.querySelector('.time').getBoundingClientRect().top;"
        " const head = document.querySelector('.top').getBoundingClientRect().bottom;"
        " return head <= top && top < bar && document.documentElement.scrollWidth <= 390; }"
    )
    life.tab.fill("#search", "vienna")
    life.tab.keyboard.press("Enter")
    assert life.sees("#card h2", "Vienna")
    life.tab.wait_for_function(in_sight)
    chosen = life.tab.locator("#people-list a").filter(has_text="Bern")
    chosen.scroll_into_view_if_needed()
    life.tab.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    chosen.dispatch_event("click")
    assert life.sees("#card h2", "Bern")
    life.tab.wait_for_function(in_sight)


def test_no_mark_in_a_name_turns_a_line_round(browser: Any, tmp_path: Path) -> None:
    """Wherever a name with marks of direction is shown, what stands after it goes on from left to right."""
    file = tmp_path / "daybook.html"
    file.write_text(page(small_life("Clara \u202eWeiss\u2067")), encoding="utf-8")
    tab = browser.new_page(viewport={"width": 1360, "height": 840})
    opened = Opened(tab, file)
    for view in ("", "#/timeline", "#/journal"):
        tab.goto(file.as_uri() + view)
        assert opened.sees("body", "Clara Weiss")
        assert not {*tab.inner_text("body")} & {"\u202e", "\u2067"}
    tab.close()


def test_marks_stand_on_their_words_after_an_emoji(browser: Any, tmp_path: Path) -> None:
    """A name, a sentence and a name within it are cut where they stand, in the journal and on the cards."""
    told = "🥂 “Clara works at Siemens, 👩‍🔬 in Berlin!”"
    life = Life()
    for name, kind in (("Clara", "Person"), ("Siemens", "Organisation"), ("Berlin", "Place")):
        life.entity(name, kind)
    entry = life.entry("1912-04-03", f"🎉 Met Clara. {told} 🙂 Rain.")
    for name in ("Clara", "Siemens", "Berlin"):
        life.mention(entry, name)
    life.fact(entry, "Clara", "WORKS_AT", "Siemens", "Clara works at Siemens.", told)
    file = tmp_path / "daybook.html"
    file.write_text(page(life.picture()), encoding="utf-8")
    tab = browser.new_page(viewport={"width": 1360, "height": 840})
    opened = Opened(tab, file)
    tab.click("#tab-journal")
    tab.wait_for_selector("#journal article")
    assert tab.locator("#journal a.name").all_inner_texts() == ["Clara", "Siemens", "Berlin"]
    assert tab.locator("#journal mark").all_inner_texts() == [told]
    tab.click("#journal mark a:has-text('Siemens')")
    assert opened.sees("#card h2", "Siemens")
    assert opened.text("#card .quote b") == "Siemens"
    tab.click("#card .fact a")
    assert opened.sees("#card h2", "Clara works at Siemens.")
    assert opened.text("#card .quote") == f"{told} 3 Apr 1912, 1912.txt"
    assert opened.complaints == []
    tab.close()


def test_a_search_finds_and_opens_a_card(life: Opened) -> None:
    """Typing finds people, facts and words of the journal; Enter opens the first."""
    life.tab.keyboard.press("/")
    life.tab.keyboard.type("vienn")
    assert life.text("#found").startswith("People and things Vienna Place Facts Anna lives in Vienna.")
    life.tab.keyboard.press("Enter")
    assert life.sees("#card h2", "Vienna")
    assert "Anna lives in Vienna." in life.text("#card")
    assert life.tab.is_hidden("#found")


def test_the_whole_way_from_a_person_to_the_sentence(life: Opened) -> None:
    """A click on a person, on a fact of theirs, on its sentence: the journal shows it highlighted and in sight."""
    life.tab.click(".person:has-text('Anna')")
    assert life.sees("#card", "No longer true")
    life.tab.click("#card .fact a:has-text('Anna lives in Bern.')")
    life.tab.click("#card .quote")
    assert life.sees("mark.chosen", "Anna lives in Bern, and likes it.")
    assert life.tab.evaluate(
        "(m => m.top >= 0 && m.bottom <= innerHeight)(document.querySelector('mark.chosen').getBoundingClientRect())"
    )
    life.tab.go_back()
    assert life.tab.url.endswith("#/f2")
    assert life.sees("#card h2", "Anna lives in Bern.")


def test_the_slider_shows_what_held(life: Opened) -> None:
    """In the middle of 1912 Anna lives in Bern and not in Vienna; all time shows both."""
    life.tab.click(".person:has-text('Anna')")
    assert life.sees("#card h2", "Anna")
    life.slide_to(0.3)
    life.tab.wait_for_selector("#card .fact.then")
    assert life.text("#as-of") == "3 July 1912 3 of 4 facts held"
    assert life.text("#card .fact.then") == "Anna lives in Vienna. since 1 Feb 1913"
    life.slide_to(1)
    life.tab.wait_for_selector("#card .fact.then:has-text('Bern')")
    life.tab.click("#all-time")
    assert life.text("#as-of") == "All time 4 facts"
    assert life.tab.locator("#card .then").count() == 0


def test_a_hostile_name_is_only_ever_text(life: Opened) -> None:
    """A name made of markup is read as it is written, in the list, the card, the journal and the search."""
    life.tab.click(".person:has-text('script')")
    assert life.sees("#card h2", HOSTILE)
    life.tab.click("#tab-journal")
    assert life.sees("#journal", HOSTILE)
    assert "Rain <b>all</b> day & night." in life.text("#journal")
    life.tab.fill("#search", "<img src=x")
    assert HOSTILE in life.text("#found")
    assert life.tab.locator("img, b:text-is('all')").count() == 0


def test_types_can_be_left_out(life: Opened) -> None:
    """Without places the list holds people and organisations, and says so."""
    life.tab.click("#types label:has-text('Place')")
    assert life.tab.locator(".person:visible").count() == 3
    assert life.text("#people-count") == "3 of 5 people and things"


def test_everything_is_reached_with_the_keyboard(life: Opened) -> None:
    """Keys open the views, arrows move between tabs, Escape closes a card, and focus is never lost."""
    life.tab.keyboard.press("2")
    assert life.sees("#timeline h2", "1912")
    assert life.tab.locator(".moment").count() == 4
    life.tab.focus("#tab-timeline")
    life.tab.keyboard.press("ArrowRight")
    assert life.tab.evaluate("document.activeElement.id") == "tab-journal"
    life.tab.wait_for_selector("#journal article")
    life.tab.focus(".person >> nth=0")
    person = life.focused()
    life.tab.keyboard.press("Enter")
    life.tab.wait_for_selector("#card .close")
    life.tab.keyboard.press("Escape")
    assert life.sees("#card", "Most often named")
    assert life.focused() == person
    for chosen, seen in (("#card .chip:has-text('Bern')", "Bern"), ("#card .fact a", "Anna lives in Bern.")):
        life.tab.focus(chosen)
        life.tab.keyboard.press("Enter")
        assert life.sees("#card h2", seen)
        assert life.focused() == "card"
    life.tab.keyboard.press("Tab")
    assert life.focused() == "✕"
    life.tab.keyboard.press("Escape")
    assert life.sees("#card", "Most often named")
    assert life.focused() == "card"


def test_showing_all_of_a_list_goes_on_at_the_first_new_one(browser: Any, tmp_path: Path) -> None:
    """The button goes; the focus is on what it brought, not lost."""
    life = Life()
    life.entity("Anna")
    for day in range(1, 15):
        life.mention(life.entry(f"1912-04-{day:02}", f"Anna rested, {day}."), "Anna")
    file = tmp_path / "daybook.html"
    file.write_text(page(life.picture()), encoding="utf-8")
    tab = browser.new_page()
    opened = Opened(tab, file)
    tab.click(".person")
    tab.focus("#card .more")
    tab.keyboard.press("Enter")
    assert tab.locator("#card .quote").count() == 14
    assert opened.focused().startswith("Anna rested, 13.")
    tab.close()


def test_the_skip_link_leaves_open_what_is_open(life: Opened) -> None:
    """It leads to the list, and the card of who was chosen stays."""
    life.tab.click(".person:has-text('Vienna')")
    assert life.sees("#card h2", "Vienna")
    # Called after the page's own listener, so the page has followed the address by then.
    life.tab.evaluate("addEventListener('hashchange', () => { document.body.dataset.followed = location.hash; })")
    life.tab.focus(".skip")
    life.tab.keyboard.press("Enter")
    life.tab.wait_for_selector("body[data-followed='#people']")
    assert life.focused() == "people"
    assert life.text("#card h2") == "Vienna"


def test_dark_and_light_and_paper(life: Opened) -> None:
    """The page follows the system, can be turned round, and prints without its chrome."""
    background = "getComputedStyle(document.body).backgroundColor"
    light = life.tab.evaluate(background)
    life.tab.emulate_media(color_scheme="dark")
    assert life.tab.evaluate(background) != light
    life.tab.click("#theme")
    assert life.tab.evaluate(background) == light
    life.tab.emulate_media(media="print")
    assert not life.tab.is_visible("#search")
    assert life.tab.is_visible("#card h2")
