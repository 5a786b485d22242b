"""Who is let in: the doors that a local server leaves open by default are closed."""

import json
from typing import Any

import httpx
import pytest

from app.errors import BadInput
from app.server.guard import Access, access_for, is_loopback
from tests.server.conftest import Running, Start

ASK: dict[str, Any] = {"model": "tiny", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
KEYS = ["first-key-0123456789", "second-key-0123456789"]


@pytest.fixture(scope="module")
def keyed(start: Start) -> Running:
    return start(access=access_for("127.0.0.1", KEYS, origins=["https://notes.example"]))


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


def test_a_named_origin_is_answered_with_its_own_name(keyed: Running) -> None:
    """CORS is for the pages that were named, and for no other."""
    with keyed.client(authorization=f"Bearer {KEYS[0]}") as client:
        asked = {"origin": "https://notes.example"}
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
