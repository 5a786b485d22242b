"""The live page: served at "/" to its owner alone; what is asked and decided there acts on the home itself."""

import base64
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.export import jsonld
from app.llm.embedder import QwenEmbedder
from app.llm.engine import Engine
from app.pipeline.carry import import_home
from app.pipeline.home import Place, picture_of
from app.pipeline.shelf import Shelf
from app.server.desk import Desk
from app.server.guard import Access
from app.server.metrics import Metrics
from app.server.page import LivePage
from tests.server.conftest import Running, Start
from tests.view.pictures import HOSTILE, small_life
from tests.view.test_browser import CHROMIUM, FLAGS

KEY = "a-key-of-the-owner"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a friend has a hostile name."""
    folder = tmp_path_factory.mktemp("made")
    file = folder / "life.jsonld"
    file.write_text("".join(jsonld.write(small_life(HOSTILE))), encoding="utf-8")
    return import_home(Place(folder / "home"), file).folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Place:
    """A copy of it."""
    return Place(Path(shutil.copytree(made, tmp_path / "home")))


@pytest.fixture
def live(start: Start, home: Place, engine: Engine, embedder: QwenEmbedder) -> Running:
    """The page of that home, over a real socket."""
    shelf = Shelf(home, embedder.loaded, engine)
    return start(routes=LivePage(shelf, Desk(engine, Metrics())).routes)


def test_the_page_comes_with_a_policy_and_changes_with_the_home(live: Running, home: Place) -> None:
    """Its head and its header allow its own script alone; a decision shows in the next look and is kept."""
    with live.client() as client:
        first = client.get("/")
        policy = first.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert first.headers["cache-control"] == "no-store"
        assert "Anna lives in Bern." in first.text
        assert client.get("/").text == first.text
        waiting = client.get("/page/review").json()
        (fact,) = [one for one in waiting["items"] if one.get("fact") == "Anna lives in Bern."]
        told = client.post("/page/review", json={"uuid": fact["uuid"], "verb": "reject"}).json()
        assert told["left"] == waiting["left"] - 1
        assert told["last"] == {"verb": "reject", "about": "Anna lives in Bern."}
        assert "Anna lives in Bern." not in [one["fact"] for one in _data(client.get("/").text)["facts"]]
        assert client.post("/page/undo", json={}).json()["last"] is None
    assert picture_of(home).facts == small_life(HOSTILE).facts


def test_what_cannot_be_done_is_said(live: Running) -> None:
    """One message for the page to show; nothing has happened."""
    for path, body in [
        ("/page/review", {"uuid": "nobody", "verb": "accept"}),
        ("/page/review", {"verb": "accept"}),
        ("/page/review", ["x"]),
        ("/page/undo", {}),
        ("/page/ask", {"question": " "}),
        ("/page/ask", {"question": "who?", "as_of": "soon"}),
        ("/page/ask", {"question": "who met \ud83d?"}),  # half of a pair is no text
    ]:
        kind = {"content-type": "application/json"}
        answer = httpx.post(f"{live.url}{path}", content=json.dumps(body), headers=kind, timeout=30)
        assert answer.status_code == 400, path
        assert answer.json()["error"]["message"]


def test_another_page_gets_nothing(live: Running) -> None:
    """Only the very name and port that is asked may ask: no other site, no other port, no form, no rebound name."""
    port = live.url.rsplit(":", 1)[1]
    for origin in ("https://evil.example", f"http://127.0.0.1:{int(port) + 1}", f"http://localhost:{port}", "null"):
        answer = httpx.post(f"{live.url}/page/undo", json={}, headers={"origin": origin})
        assert answer.status_code == 403, origin
    assert httpx.post(f"{live.url}/page/undo", json={}, headers={"origin": live.url}).status_code == 400
    assert httpx.post(f"{live.url}/page/undo", content="{}").status_code == 415
    rebound = {"host": f"evil.example:{port}", "origin": f"http://evil.example:{port}"}
    assert httpx.get(live.url, headers=rebound).status_code == 403


def test_where_keys_are_set_the_browser_asks_for_one(
    start: Start, home: Place, engine: Engine, embedder: QwenEmbedder
) -> None:
    """As the password of the dialog that every browser has; without it there is no word of the journal."""
    access = Access(keys={"me": KEY})
    shelf = Shelf(home, embedder.loaded, engine)
    url = start(access=access, routes=LivePage(shelf, Desk(engine, Metrics())).routes).url
    refused = httpx.get(url)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert "Anna" not in refused.text
    for wrong in ("Basic !", f"Basic {base64.b64encode(b'x:wrong').decode()}", "Basic", f"Digest {KEY}"):
        assert httpx.get(f"{url}/page/review", headers={"authorization": wrong}).status_code == 401, wrong
    assert httpx.get(url, auth=("anyone", KEY), timeout=30).status_code == 200
    assert httpx.get(f"{url}/page/review", auth=("anyone", KEY), timeout=30).json()["left"] > 0


def test_an_empty_home_is_told_in_words(start: Start, engine: Engine, embedder: QwenEmbedder, tmp_path: Path) -> None:
    """A person reads what to do instead of an empty map."""
    shelf = Shelf(Place(tmp_path), embedder.loaded, engine)
    answer = httpx.get(start(routes=LivePage(shelf, Desk(engine, Metrics())).routes).url)
    assert answer.status_code == 400
    assert "load_journals.py" in answer.text


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def test_a_person_asks_decides_and_sees_it_after_a_reload(live: Running, browser: Any) -> None:
    """Ask, accept, reject, rename, merge, a date, take back: by hand, with no complaint and no request elsewhere."""
    tab = browser.new_page(viewport={"width": 1360, "height": 840})
    complaints, requests = list[str](), set[str]()
    tab.set_default_timeout(20_000)
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.add(request.url))
    tab.goto(live.url)
    tab.wait_for_selector("html[data-map=drawn]")

    tab.click("#tab-ask")
    tab.fill("#ask input", "Where does Anna live?")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".answer .sentence")

    def sees(words: str) -> None:
        tab.locator(".reviewing .sheet h2").filter(has_text=words).first.wait_for()

    def left(number: int) -> None:
        tab.locator(".review-top").filter(has_text=f"{number} left").wait_for()

    tab.click("#tab-review")
    left(9)
    sees(HOSTILE)
    tab.click(".choice[data-key=n]")
    tab.fill(".sheet form input", "Clara Weiss")
    tab.keyboard.press("Enter")
    left(8)
    sees("Brehm & Co.")
    tab.keyboard.press("a")
    left(7)
    tab.keyboard.press("r")
    left(6)
    tab.keyboard.press("u")
    left(7)
    while "Anna met" not in tab.inner_text(".sheet h2"):
        before = tab.inner_text(".sheet h2")
        tab.keyboard.press("s")
        tab.wait_for_function("before => document.querySelector('.sheet h2').innerText !== before", arg=before)
    tab.keyboard.press("d")
    tab.fill(".sheet form input[name=to]", "1912-12-24")
    tab.click(".sheet form button[type=submit]")
    left(6)
    tab.locator("button", has_text="Show it on the map").click()
    tab.wait_for_selector("html[data-map=drawn]")
    data = _data(tab.content())
    assert "Clara Weiss" in [entity["name"] for entity in data["entities"]]
    assert "1912-12-24" in [fact["to"] for fact in data["facts"]]
    assert complaints == []
    assert {url.removeprefix(live.url) for url in requests} <= {"/", "/page/ask", "/page/review", "/page/undo"}
    assert tab.evaluate("window.__pwned === undefined")
    tab.close()


def _data(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])
