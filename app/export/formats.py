"""Which formats a home can be taken along in, and under what name each is written.

Knows the formats' modules; knows no disk. In: a Picture.  Out: texts by the name of their file.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.export import cypher, graphml, jsonld, markdown, tables
from app.picture import Picture

Files = dict[str, str]  # path below the chosen place -> text


@dataclass(frozen=True, slots=True)
class Format:
    """One way to leave: `name` is the file or folder written when a person names none."""

    says: str
    name: str
    write: Callable[[Picture], Files]
    is_folder: bool = False


def _one(name: str, write: Callable[[Picture], str]) -> Callable[[Picture], Files]:
    return lambda picture: {name: write(picture)}


FORMATS: dict[str, Format] = {
    "jsonld": Format(
        "everything, decisions too, for `import` and for tools of linked data",
        "daybook.jsonld",
        _one("", jsonld.write),
    ),
    "graphml": Format(
        "entities and facts, for Gephi, yEd, networkx, igraph", "daybook.graphml", _one("", graphml.write)
    ),
    "csv": Format("four tables, for spreadsheets and pandas", "daybook-csv", tables.write, is_folder=True),
    "markdown": Format("a vault for Obsidian: a note an entity and an entry", "daybook-vault", markdown.write, True),
    "cypher": Format("statements for Neo4j, Memgraph and others", "daybook.cypher", _one("", cypher.write)),
}
