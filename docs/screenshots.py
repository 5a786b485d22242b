"""The README's three pictures of the page, from a loaded home: `python docs/screenshots.py HOME NAME`.

Knows the page's ids; knows no database. In: a home, a name in it, and Chromium on the PATH.  Out: view-graph.png,
view-journal.png and view-time.png beside this file.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from app.pipeline.home import Place, picture_of
from app.view.page import page

HERE = Path(__file__).parent
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def main(home: Path, name: str) -> None:
    """The map with a card, the journal with a sentence, the map of one day in the dark."""
    text = page(picture_of(Place(home)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "daybook.html"
        file.write_text(text, encoding="utf-8")
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        tab = browser.new_page(viewport={"width": 1280, "height": 760})
        tab.goto(file.as_uri())
        tab.wait_for_selector("html[data-map=drawn]")

        def keep(picture: str) -> None:
            tab.wait_for_timeout(1500)  # the camera glides
            tab.screenshot(path=HERE / f"{picture}.png")

        tab.click(f".person:has-text('{name}')")
        keep("view-graph")
        tab.click("#card .says >> nth=-1")
        tab.click("#card .quote >> nth=0")
        keep("view-journal")
        tab.emulate_media(color_scheme="dark")
        tab.click("#home")
        tab.click("#tab-graph")
        tab.click("#zoom-all")
        tab.focus("#day")
        for _ in range(5):
            tab.keyboard.press("PageDown")
        keep("view-time")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
