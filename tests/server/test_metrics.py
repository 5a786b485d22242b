"""What /metrics tells is what happened."""

import asyncio

from tests.server.conftest import Start

SECONDS = 0.3


class Slow:
    """An embedder that takes its time."""

    dim = 1

    async def embed_once(self, texts: list[str], *, priority: int) -> tuple[list[list[float]], int]:
        """One vector for every text, late."""
        await asyncio.sleep(SECONDS)
        return [[1.0]] * len(texts), priority


def test_the_time_of_vectors_is_measured(start: Start) -> None:
    """What the embedder takes is in the seconds of its path, and the place is free again."""
    slow = start(embedder=Slow())
    with slow.client() as client:
        assert client.post("/v1/embeddings", json={"model": "embedder", "input": "x"}).status_code == 200
    told, path = slow.desk.metrics.registry.get_sample_value, {"path": "/v1/embeddings"}
    assert told("daybook_request_seconds_count", path) == 1
    assert (told("daybook_request_seconds_sum", path) or 0) > SECONDS / 2
    assert told("daybook_requests_total", {**path, "status": "200"}) == 1
    assert slow.desk.taken == 0
