"""Who is let in: the doors that a local server leaves open by default are closed."""

import json
import re
import shlex
from typing import Any

import httpx
import pytest

from app.cli.catalogue import all_commands, parser_of
from app.errors import BadInput
from app.server.guard import Access, access_for, is_loopback
from app.server.serve import _shown
from tests.server.conftest import Running, Start

ASK: dict[str, Any] = {"model": "tiny", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
KEYS = ["first-key-0123456789", "second-key-0123456789"]


@pytest.fixture(scope="module")
def keyed(start: Start) -> Running:
    return start(access=access_for("127.0.0.1", KEYS, origins=["https://Notes.example", "app://obsidian.md"]))


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"host": "evil.example"}, 403, "forbidden"),
        ({"host": "127.0.0.1.evil.example:80"}, 403, "forbidden"),
        ({"host": ""}, 403, "forbidden"),
        ({"origin": "https://evil.example"}, 403, "forbidden"),
        ({"origin": "null"}, 403, "forbidden"),
        ({"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ({"content-type": ""}, 415, "unsupported_media_type"),
        ({"content-type": "Application/JSON; charset=utf-8"}, 200, None),
        ({"host": "LOCALHOST:99"}, 200, None),
    ],
)
def test_a_web_page_cannot_ask(running: Running, headers: dict[str, str], status: int, code: str | None) -> None:
    """A foreign Host, any Origin, and every type that a page may send without asking are refused."""
    with running.client() as client:
        sent = {"content-type": "application/json", **headers}
        response = client.post("/v1/chat/completions", content=json.dumps(ASK), headers=sent)
    assert response.status_code == status
    assert code is None or response.json()["error"]["code"] == code
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("origin", ["https://notes.example", "app://obsidian.md"])
def test_a_named_origin_is_answered_with_its_own_name(keyed: Running, origin: str) -> None:
    """CORS is for the pages that were named, and for no other."""
    with keyed.client(authorization=f"Bearer {KEYS[0]}") as client:
        asked = {"origin": origin}
        assert client.get("/v1/models", headers=asked).headers["access-control-allow-origin"] == asked["origin"]
        preflight = client.options("/v1/chat/completions", headers=asked)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, asked["origin"])
        assert client.options("/v1/models", headers={"origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize("body", [b"x" * 3000, iter([b"x" * 1000] * 3)], ids=["announced", "in chunks"])
def test_a_body_beyond_the_limit_is_refused(start: Start, body: Any) -> None:
    """Also one that does not announce its length."""
    small = start(access=Access(max_body_bytes=2000))
    with small.client() as client:
        response = client.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 413


@pytest.mark.parametrize("path", ["/v1/models", "/discovery", "/metrics", "/nothing"])
def test_without_the_key_nothing_is_told(keyed: Running, path: str) -> None:
    """A missing or wrong key is 401 everywhere but at /health, which says that somebody is at home."""
    with keyed.client() as client:
        assert client.get("/health").status_code == 200
        assert client.get(path).status_code == 401
        for wrong in ("Bearer wrong", f"Bearer {KEYS[0]}x", f"Basic {KEYS[0]}", "Bearer", KEYS[0], "Bearer \xfc"):
            assert client.get(path, headers=[(b"authorization", wrong.encode("latin-1"))]).status_code == 401
        for right in KEYS:
            for header in ({"authorization": f"Bearer {right}"}, {"x-api-key": right}):
                assert client.get(path, headers=header).status_code != 401


def test_off_loopback_a_key_is_demanded() -> None:
    """A server that others can reach does not start without a key; a short key is none."""
    for host in ("0.0.0.0", "192.168.1.5", "::", "my-mac.local"):
        with pytest.raises(BadInput, match="no key"):
            access_for(host, [])
        assert access_for(host, KEYS[:1]).keys
    with pytest.raises(BadInput, match="5 characters"):
        access_for("127.0.0.1", ["short"])
    assert [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9", "10.0.0.1")] == [
        True, True, True, True, False,
    ]  # fmt: skip


def test_the_examples_of_serve_are_let_in() -> None:
    """Hosts, origins and keys of every example in the manual are ones that the server starts with."""
    parser, _ = parser_of(all_commands())
    examples = re.findall(r"^ +(.*)python -m app (serve.*)$", all_commands()["serve"].__doc__ or "", re.MULTILINE)
    assert examples
    for exported, call in examples:
        typed = parser.parse_args(shlex.split(call))
        keys = KEYS if "DAYBOOK_API_KEYS=" in exported else []
        access = access_for(typed.host, keys, hosts=typed.allow_host, origins=typed.allow_origin)
        assert {*typed.allow_origin} == {*access.origins}
        assert {*typed.allow_host} <= {*access.hosts}


@pytest.mark.parametrize(
    "origin",
    [
        "", " ", "null", "*", "obsidian.md", "://obsidian.md", "app://", "file:///", "app://obsidian.md/",
        "https://notes.example/page", "https://me@notes.example", "https://*.example", "app://*", "https://a b",
        " https://notes.example", "https://notes.example\n", "https://a.example,https://b.example", "https://a:port",
        "https://a?b", "https://a#b", "1app://a", "https://[fd12::5", "https:// ", "https:notes.example",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(origin: str) -> None:
    """A path, a name, a wildcard or a blank would match no page, or too many: one line says how it is written."""
    with pytest.raises(BadInput, match=r"is not an origin .*app://host"):
        access_for("127.0.0.1", [], origins=[origin])


@pytest.mark.parametrize("origin", ["http://localhost:5173", "https://[fd12::5]:8080", "moz-extension://3f-9a"])
def test_what_is_an_origin_is_taken(origin: str) -> None:
    """With a port, in brackets, or of a program's own scheme."""
    assert access_for("127.0.0.1", [], origins=[origin]).origins == (origin,)


@pytest.mark.parametrize("host", ["fd12::5", "[FD12::5]", "fd12:0:0:0:0:0:0:5"])
@pytest.mark.parametrize("is_further", [False, True], ids=["--host", "--allow-host"])
def test_an_ipv6_address_is_asked_for_in_brackets(start: Start, host: str, is_further: bool) -> None:
    """However it was typed, the Host that clients send is let in, and that of another address is not."""
    access = access_for("::", KEYS, hosts=[host]) if is_further else access_for(host, KEYS)
    sent = {"[fd12::5]:8321": 200, "[fd12::5]": 200, "[fd12::6]:8321": 403}
    with start(access=access).client(authorization=f"Bearer {KEYS[0]}") as client:
        assert {name: client.get("/v1/models", headers={"host": name}).status_code for name in sent} == sent
    assert _shown(host) == "[fd12::5]"


def test_a_key_is_never_shown(keyed: Running) -> None:
    """Neither in a refusal nor in the metrics nor in what a debugger prints."""
    with keyed.client() as client:
        refusal = client.get("/v1/models", headers={"authorization": f"Bearer {KEYS[0]}x"}).text
        metrics = client.get("/metrics", headers={"x-api-key": KEYS[0]}).text
    assert all(key not in refusal + metrics + repr(access_for("127.0.0.1", KEYS)) for key in KEYS)


def test_no_websocket_is_served(running: Running) -> None:
    """An upgrade is answered as the plain request it also is."""
    headers = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-key": "x", "sec-websocket-version": "13"}
    assert httpx.get(f"{running.url}/mcp-not-here", headers=headers).status_code in (400, 404)


def test_nothing_of_one_key_is_served_to_another(keyed: Running) -> None:
    """A prompt that one key had read is found again under that key alone."""
    ask = {"model": "tiny", "max_tokens": 1, "messages": [{"role": "user", "content": "Marie went to Ghent. " * 60}]}
    found = []
    for key in (0, 1, 0, 1):
        with keyed.client(authorization=f"Bearer {KEYS[key]}") as client:
            usage = client.post("/v1/chat/completions", json=ask).json()["usage"]
        found.append(usage["prompt_tokens_details"]["cached_tokens"] > 0)
    assert found == [False, False, True, True]
