"""Change lists in Kuzu so that it neither mixes up the lists of other rows nor dies of its own log.

Knows the tables and their lists; knows nothing of what they mean.
In: a query that may set a list of a row that stands.  Out: the same effect, on that row alone or on one made anew.

Kuzu 0.11.3: when a list of a row from before the last checkpoint is SET, the lists of rows added since are read from
the wrong place afterwards: a fact gets another fact's vector. Such a row is deleted and created again. But to replay
the deletion of a row added since the last checkpoint ends the process: so the lists of such rows are SET, and whoever
deletes rows has a transaction alone between two checkpoints. tests/graph/test_kuzu_lists.py and tests/trust show it.
"""

import re
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Ask = Callable[[str, Row], list[Row]]

_LISTS = {
    "Entity": ("labels", "name_embedding"),
    "RelatesToNode_": ("fact_embedding", "episodes"),
    "Episodic": ("entity_edges",),
    "Community": ("name_embedding",),
}
_STAMP = ("uuid", "group_id", "created_at")
# What may hang on a row: (pattern between it and the other end, the other end's table, the relation's own columns).
_TIES = {
    "Entity": (
        ("-[r:RELATES_TO]->", "RelatesToNode_", ()),
        ("<-[r:RELATES_TO]-", "RelatesToNode_", ()),
        ("<-[r:MENTIONS]-", "Episodic", _STAMP),
        ("<-[r:HAS_MEMBER]-", "Community", _STAMP),
    ),
    "RelatesToNode_": (("-[r:RELATES_TO]->", "Entity", ()), ("<-[r:RELATES_TO]-", "Entity", ())),
    "Episodic": (
        ("-[r:MENTIONS]->", "Entity", _STAMP),
        ("<-[r:HAS_EPISODE]-", "Saga", _STAMP),
        ("-[r:NEXT_EPISODE]->", "Episodic", _STAMP),
        ("<-[r:NEXT_EPISODE]-", "Episodic", _STAMP),
    ),
    "Community": (
        ("-[r:HAS_MEMBER]->", "Entity", _STAMP),
        ("-[r:HAS_MEMBER]->", "Community", _STAMP),
        ("<-[r:HAS_MEMBER]-", "Community", _STAMP),
    ),
}
_ROW = re.compile(r"\((\w+):(\w+) \{uuid: \$uuid\}\)")


def safely(query: str, parameters: Row, fresh: set[str], ask: Ask) -> str:
    """The query to run instead; where a list of a row that is not fresh changes, the row is made anew first.

    fresh   uuids of the rows added since the last checkpoint; added to here
    ask     runs a query on the same connection, in the same transaction
    """
    if "CREATE" in query and "uuid" in parameters:
        fresh.add(parameters["uuid"])
    row = _ROW.search(query) if "SET" in query else None
    if row is None or row[2] not in _LISTS:
        return query
    name, table, uuid = row[1], row[2], parameters["uuid"]
    assigned = re.findall(rf"\b{name}\.({'|'.join(_LISTS[table])}) = \$(\w+)", query)
    if not assigned:
        return query
    stored = ask(f"MATCH (x:{table} {{uuid: $uuid}}) RETURN x AS held", {"uuid": uuid})
    if not stored:
        fresh.add(uuid)
        return query
    # Never a MERGE of a whole path: where a transaction made rows anew, Kuzu finds their ties one by one, but no path.
    onward = f"MATCH ({name}:{table} {{uuid: $uuid}}) {query[query.index('SET') :]}"
    if uuid in fresh:
        return onward
    held = {column: value for column, value in stored[0]["held"].items() if not column.startswith("_")}
    wanted = {column: parameters.get(parameter) for column, parameter in assigned}
    if any(not _same(held[column], value) for column, value in wanted.items()):
        _make_anew(table, held | wanted, ask)
        fresh.add(uuid)
    return _scalars_only(onward, name, wanted)


def _make_anew(table: str, columns: Row, ask: Ask) -> None:
    uuid = {"uuid": columns["uuid"]}
    ties = [
        (between, other, end)
        for between, other, own in _TIES[table]
        for end in ask(
            f"MATCH (x:{table} {{uuid: $uuid}}){between}(y:{other}) RETURN y.uuid AS other"
            + "".join(f", r.{column} AS {column}" for column in own),
            uuid,
        )
    ]
    ask(f"MATCH (x:{table} {{uuid: $uuid}}) DETACH DELETE x", uuid)
    ask(f"CREATE (:{table} {{{', '.join(f'{column}: ${column}' for column in columns)}}})", columns)
    for between, other, end in ties:
        own = {column: value for column, value in end.items() if column != "other"}
        shape = between.replace("[r:", "[:")
        if own:
            shape = shape.replace("]", f" {{{', '.join(f'{column}: $tie_{column}' for column in own)}}}]")
        ask(
            f"MATCH (x:{table} {{uuid: $uuid}}), (y:{other} {{uuid: $other}}) CREATE (x){shape}(y)",
            {**uuid, "other": end["other"], **{f"tie_{column}": value for column, value in own.items()}},
        )


def _scalars_only(query: str, name: str, columns: Row) -> str:
    """Without the assignments to lists, and without the SET if nothing else was in it."""
    bare = re.sub(rf"\s*\b{name}\.(?:{'|'.join(columns)}) = \$\w+(\s*,)?", "", query)
    bare = re.sub(r",(\s*(?:RETURN|WITH|$))", r"\1", bare)
    whole = re.sub(r"\bSET\s*(?=RETURN\b|WITH\b|$)", "", bare)
    return f"{whole} RETURN 1 AS done" if whole != bare and "RETURN" not in whole else whole


def _same(held: Any, wanted: Any) -> bool:
    """Whether two lists are equal, numbers as the four bytes in which they are stored."""
    if held is None or wanted is None or len(held) != len(wanted):
        return held is None and wanted is None
    if held and isinstance(held[0], float):
        return all(abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1e-30) for a, b in zip(held, wanted, strict=True))
    return list(held) == list(wanted)
