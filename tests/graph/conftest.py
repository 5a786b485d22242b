"""Graph servers for the tests of copies."""

from tests.servers import graph_server, place

__all__ = ["graph_server", "place"]
