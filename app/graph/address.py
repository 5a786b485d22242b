"""Where a graph server is, as a person writes it: SCHEME://USER:PASSWORD@HOST:PORT/NAME.

Knows schemes; opens nothing. In: text.  Out: an Address, which never shows its password.
"""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from app.errors import BadInput

_FALKOR = {"falkor": 6379, "falkordb": 6379, "redis": 6379, "rediss": 6379}  # scheme -> port where none is named
_NEO4J = {"bolt": 7687, "bolt+s": 7687, "neo4j": 7687, "neo4j+s": 7687}
_ENCRYPTED = ("rediss", "bolt+s", "neo4j+s")
_FORM = "SCHEME://USER:PASSWORD@HOST:PORT/NAME, other signs in it as %XX"


@dataclass(frozen=True, slots=True)
class Address:
    """A graph on a server; `name` is that of the graph (FalkorDB) or of the database (Neo4j)."""

    scheme: str
    host: str
    port: int
    name: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str, group: str) -> "Address":
        """Read what was typed.

        group    the name of a graph that is not named: where Graphiti looks for a group in FalkorDB
        raises   BadInput for another scheme, or for what is no address; neither quotes what could be a password
        """
        allowed = {**_FALKOR, **_NEO4J}
        scheme = text.partition("://")[0].lower()
        if scheme not in allowed:
            raise BadInput(
                f"--into is an address of {scheme or 'no scheme'}, allowed are {', '.join(allowed)}",
                hint="FalkorDB: falkor://localhost:6379, Neo4j: bolt://USER:PASSWORD@localhost:7687",
            )
        try:
            parts = urlsplit(text)
            host, port = unquote(parts.hostname or ""), parts.port
            host.encode("idna")  # as it will be looked up
        except ValueError as error:
            raise BadInput(f"--into has no host and port to read after {scheme}://", hint=_FORM) from error
        if not host or parts.query or parts.fragment:
            raise BadInput(f"--into is no address of one graph after {scheme}://", hint=_FORM)
        return cls(
            scheme=scheme,
            host=host,
            port=allowed[scheme] if port is None else port,
            name=unquote(parts.path.strip("/")) or (group if scheme in _FALKOR else "neo4j"),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    @property
    def is_falkor(self) -> bool:
        """FalkorDB; else Neo4j."""
        return self.scheme in _FALKOR

    @property
    def is_encrypted(self) -> bool:
        """Whether the way there is."""
        return self.scheme in _ENCRYPTED

    @property
    def place(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def server(self) -> str:
        """The address without user and name."""
        return f"{self.scheme}://{self.place}"

    def __str__(self) -> str:
        return f"{self.server}/{self.name}"
