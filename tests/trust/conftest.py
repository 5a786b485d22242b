"""The bench of the pipeline's tests, for laws that break things on purpose."""

from tests.pipeline.conftest import bench

__all__ = ["bench"]
