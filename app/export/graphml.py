"""GraphML: entities as nodes, facts as directed edges with the days they held and the sentences they stand on.

Knows pictures and XML; knows no database. In: a Picture.  Out: GraphML that Gephi, yEd, networkx and igraph read.
"""

import re
import xml.etree.ElementTree as ET

from app.picture import Picture

# What XML 1.0 cannot hold, even escaped: https://www.w3.org/TR/xml/#charsets
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NODE_KEYS = ("name", "type", "summary", "aliases")
_EDGE_KEYS = ("fact", "relation", "valid_from", "valid_to", "sentences")


def write(picture: Picture) -> str:
    """The whole graph as one GraphML document."""
    root = ET.Element("graphml", {"xmlns": "http://graphml.graphdrawing.org/xmlns"})
    for kind, keys in (("node", _NODE_KEYS), ("edge", _EDGE_KEYS)):
        for key in keys:
            ET.SubElement(root, "key", {"id": key, "for": kind, "attr.name": key, "attr.type": "string"})
    graph = ET.SubElement(root, "graph", {"id": picture.group, "edgedefault": "directed"})
    for entity in picture.entities:
        node = ET.SubElement(graph, "node", {"id": entity.uuid})
        aliases = "; ".join(picture.aliases(entity.uuid))
        _data(node, _NODE_KEYS, entity.name, entity.type, entity.summary, aliases)
    for fact in picture.in_order:
        edge = ET.SubElement(graph, "edge", {"id": fact.uuid, "source": fact.source, "target": fact.target})
        sentences = "\n".join(" ".join(span.words.split()) for span in picture.evidence.get(fact.uuid, []))
        since = fact.valid_at.date().isoformat() if fact.valid_at else ""
        until = fact.invalid_at.date().isoformat() if fact.invalid_at else ""
        _data(edge, _EDGE_KEYS, fact.fact, fact.relation, since, until, sentences)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _data(parent: ET.Element, keys: tuple[str, ...], *values: str) -> None:
    for key, value in zip(keys, values, strict=True):
        if value:
            ET.SubElement(parent, "data", {"key": key}).text = _UNWRITABLE.sub("\ufffd", value)
