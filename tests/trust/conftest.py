"""The bench of the pipeline's tests, for laws that break things on purpose, and servers to copy to."""

from tests.pipeline.conftest import bench
from tests.servers import graph_server, place

__all__ = ["bench", "graph_server", "place"]
