"""The graph over MCP: read-only unless allowed, small answers, and every result leads to the journal's own words."""

import stat
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from starlette.routing import Route

from app.errors import BadInput
from app.journal.reader import read_journal
from app.llm.embedder import QwenEmbedder
from app.picture import Fact, Picture
from app.pipeline.home import Place
from app.pipeline.shelf import Shelf
from app.server.mcp import mcp_app, mcp_server
from tests.server.conftest import Start
from tests.view.pictures import small_life


class OnePicture(Shelf):
    """A shelf whose home is a picture that is there already."""

    def __init__(self, home: Path) -> None:
        self.place = Place(home)

    async def picture(self) -> Picture:
        return small_life()

    async def find(self, text: str, *, limit: int, as_of: date | None = None) -> list[Fact]:
        assert text
        return [fact for fact in small_life().in_order if as_of is None or fact.valid_at is None][:limit]


async def result(client: Client, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    content = answer.structured_content
    assert content is not None
    return content.get("result", content)


async def test_tools_look_and_lead_to_the_words(tmp_path: Path) -> None:
    """A fact names its entry, the entry holds the fact's words, the card holds the fact, and nothing can be written."""
    async with Client(mcp_server(OnePicture(tmp_path))) as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["search_facts", "search_entities", "entity", "timeline", "entry"]
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        (fact, *_) = await result(client, "search_facts", query="who", limit=1)
        source = fact["sources"][0]
        entry = await result(client, "entry", id=source["entry"])
        assert source["words"] in " ".join(entry["text"].split())
        assert fact["fact"] in entry["facts"]
        card = await result(client, "entity", name=fact["source"])
        assert fact["fact"] in [one["fact"] for one in card["facts"]]
        assert card["name"] in [one["name"] for one in await result(client, "search_entities", name=fact["source"])]
        days = [event["day"] for event in await result(client, "timeline")]
        assert days == sorted(days)


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("entity", {"name": "Nobody Here"}, "knows no"),
        ("entry", {"id": "../../etc/passwd"}, "there is no entry"),
        ("search_facts", {"query": "x", "limit": 1000}, "less than or equal to 50"),
        ("add_entry", {"text": "x"}, "Unknown tool"),
    ],
)
async def test_a_wrong_call_is_told_in_words(tmp_path: Path, tool: str, arguments: dict[str, Any], told: str) -> None:
    """The model that called reads what to do; the server goes on."""
    async with Client(mcp_server(OnePicture(tmp_path))) as client:
        try:
            answer = await client.call_tool(tool, arguments)
            text = str(answer.content)
            assert answer.is_error
        except Exception as error:  # noqa: BLE001  a tool that is not there is an error of the protocol
            text = str(error)
        assert told in text


async def test_an_added_entry_is_kept_once_and_private(tmp_path: Path) -> None:
    """It stands in a file of its own that only the owner reads, whole, under its day; the same again is the same."""
    async with Client(mcp_server(OnePicture(tmp_path), can_write=True)) as client:
        text = "Rain all day.\nMarie stayed in Ghent."
        files = [(await result(client, "add_entry", text=text, day="2024-05-01"))["file"] for _ in range(2)]
    assert files[0] == files[1]
    path = Path(files[0])
    assert path.read_text(encoding="utf-8") == f"# 2024-05-01\n\n{text}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    (entry,) = read_journal(path, date_from="heading").entries
    assert (entry.date, entry.text.strip()) == (date(2024, 5, 1), text)


def test_an_entry_without_words_is_refused(tmp_path: Path) -> None:
    """And so is a book."""
    for text in ("", " \n", "x" * 100_001):
        with pytest.raises(BadInput, match="characters"):
            OnePicture(tmp_path).add_entry(text, date(2024, 5, 1))


async def test_an_empty_home_says_what_to_do(tmp_path: Path, embedder: QwenEmbedder) -> None:
    """A home into which nothing was loaded is told as such, not as an empty result."""
    async with Client(mcp_server(Shelf(Place(tmp_path), embedder.loaded))) as client:
        answer = await client.call_tool("timeline", {})
    assert answer.is_error
    assert "load_journals.py" in str(answer.content)


async def test_mcp_is_served_beside_the_dialects(start: Start, tmp_path: Path) -> None:
    """The client of the SDK finds the tools at /mcp, over a real socket."""
    routes, lifespan = mcp_app(mcp_server(OnePicture(tmp_path)))
    assert all(isinstance(route, Route) for route in routes)
    url = start(routes=routes, lifespans=[lifespan]).url
    async with Client(f"{url}/mcp") as client:
        assert len(await result(client, "search_facts", query="x", limit=2)) == 2
