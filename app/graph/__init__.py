"""The projection: Graphiti over an embedded graph database."""
