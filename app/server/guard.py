"""Who may ask: the Host and Origin of a request, its type, its size and its key, before anything reads it.

Knows HTTP headers; knows no endpoint and logs nothing. In: an ASGI request.  Out: the same, or a refusal.

A web page in the owner's browser can reach a server on loopback: by a name that resolves to it (Host), by a form or a
fetch without permission (Origin, Content-Type). All three are closed; no page is allowed unless its origin is named.
"""

import base64
import hashlib
import ipaddress
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BadInput, DaybookError
from app.server.refusals import (
    Forbidden,
    TooLarge,
    Unauthorised,
    WrongType,
    anthropic_refusal,
    openai_refusal,
)

MAX_BODY_BYTES = 16 * 1024 * 1024  # a prompt of a million tokens is a third of it
MIN_KEY_CHARS = 16
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.IGNORECASE)
OPEN_PATHS = ("/health",)  # says only who is at home, by a number drawn at its start


@dataclass(frozen=True, slots=True)
class Access:
    """What is let in.

    keys      name -> key; with none, everybody on this machine is let in
    hosts     names in the Host header, without port
    origins   web pages that may ask, as "https://host:port" or "app://host"; they get CORS headers
    """

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: tuple[str, ...] = LOCAL_NAMES
    origins: tuple[str, ...] = ()
    max_body_bytes: int = MAX_BODY_BYTES


def access_for(host: str, keys: Sequence[str], *, hosts: Sequence[str] = (), origins: Sequence[str] = ()) -> Access:
    """The access of a server that listens on `host`.

    raises  BadInput off loopback without a key, for a short key, or for an origin that is none
    """
    if not is_loopback(host) and not keys:
        raise BadInput(
            f"{host} can be reached by others, and no key is set",
            hint="export DAYBOOK_API_KEYS, or listen on 127.0.0.1",
        )
    for key in keys:
        if len(key) < MIN_KEY_CHARS or not key.isascii() or not key.isprintable() or " " in key:
            raise BadInput(f"a key has {len(key)} characters", hint=f"a key is {MIN_KEY_CHARS} or more of ASCII")
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            cure = "write it as https://host, http://host:port or app://host, one for each --allow-origin"
            raise BadInput(f"{origin!r} is not an origin", hint=cure)
    named = {hashlib.sha256(key.encode()).hexdigest()[:16]: key for key in keys}
    ours = [*([host] if host not in ("0.0.0.0", "::") else []), *hosts]
    every = dict.fromkeys([*LOCAL_NAMES, *(in_url(name).lower() for name in ours)])
    return Access(named, tuple(every), tuple(origin.lower() for origin in origins))


def in_url(host: str) -> str:
    """The host as URLs and Host headers have it: an IPv6 address in brackets and in its short form."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    return f"[{address}]" if address.version == 6 else str(address)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware. A request that passes carries `scope["state"]["key"]`: the name of its key, "" without keys."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websocket is served
            await send({"type": "websocket.close", "code": 1008})
            return
        headers, allowed = Headers(scope=scope), self._access
        origin = headers.get("origin")
        try:
            self._check_page(headers)
            if origin and scope["method"] == "OPTIONS":
                await _preflight(send, origin)
                return
            scope.setdefault("state", {})["key"] = self._key(scope, headers)
            _check_body(scope, headers, allowed.max_body_bytes)
        except DaybookError as error:
            refusal = anthropic_refusal if scope["path"].startswith("/v1/messages") else openai_refusal
            response = refusal(error)
            if isinstance(error, Unauthorised) and scope["path"] == "/":
                response.headers["www-authenticate"] = 'Basic realm="Daybook: any name, and a key as password"'
            await response(scope, receive, send)
            return
        await self._app(scope, _counted(receive, allowed.max_body_bytes), _with_origin(send, origin))

    def _check_page(self, headers: Headers) -> None:
        host = headers.get("host", "").lower()
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if name not in self._access.hosts:
            raise Forbidden("this Host is not served", hint="ask for 127.0.0.1, or start with --allow-host")
        origin = headers.get("origin", "").lower()
        # Our own page asks from the very name and port it asks, and the name was looked at above.
        is_ours = origin in (f"http://{host}", f"https://{host}")
        if origin and not is_ours and origin not in self._access.origins:
            raise Forbidden("web pages are not served", hint="start with --allow-origin to allow this one")

    def _key(self, scope: Scope, headers: Headers) -> str:
        keys = self._access.keys
        if not keys or scope["path"] in OPEN_PATHS:
            return ""
        given = headers.get("x-api-key") or _given(headers.get("authorization", ""))
        # Every key is compared, each in constant time: neither which key nor how much of it is right can be timed.
        found = [name for name, key in keys.items() if secrets.compare_digest(given.encode(), key.encode())]
        if not found:
            raise Unauthorised("the API key is missing or wrong", hint="send it as Authorization: Bearer or x-api-key")
        return found[0]


def _given(authorization: str) -> str:
    """The key of a Bearer header, or the password of a Basic one: the page's, for which the browser asks."""
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return ""


def _check_body(scope: Scope, headers: Headers, most: int) -> None:
    if scope["method"] != "POST":
        return
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise WrongType("the body must be application/json")
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise TooLarge(f"the body has {int(announced):,} bytes, {most:,} are allowed")


def _counted(receive: Receive, most: int) -> Receive:
    """A body that does not announce its length is counted as it comes."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise TooLarge(f"the body has more than {most:,} bytes")
        return message

    return counted


def _with_origin(send: Send, origin: str | None) -> Send:
    if origin is None:
        return send

    async def with_origin(message: Message) -> None:
        if message["type"] == "http.response.start":
            allowed = [(b"access-control-allow-origin", origin.encode()), (b"vary", b"Origin")]
            message = {**message, "headers": [*message.get("headers", []), *allowed]}
        await send(message)

    return with_origin


async def _preflight(send: Send, origin: str) -> None:
    headers = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "authorization, x-api-key, content-type, anthropic-version",
        "vary": "Origin",
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})
