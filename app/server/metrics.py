"""What the server counts: requests, tokens, waiting, the limit of this moment. No text, no key, no address.

Knows prometheus_client.
In: events.  Out: the text that Prometheus reads.
"""

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


class Metrics:
    """One server's figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        count = partial(Counter, registry=self.registry)
        time = partial(Histogram, registry=self.registry, buckets=SECONDS)
        self.requests = count("daybook_requests", "Answered requests", ["path", "status"])
        self.refused = count("daybook_refused", "Refusals by reason", ["code"])
        self.tokens = count("daybook_tokens", "Tokens: prompt, cached (of prompt), answer", ["kind"])
        self.passes = count("daybook_forward_passes", "Passes of the model after prompts were read")
        self.left = count("daybook_left", "Requests whose caller went before the answer was there")
        self.seconds = time("daybook_request_seconds", "Until the response began", ["path"])
        self.first_token = time("daybook_first_token_seconds", "Until the first text of a stream")

    def watch(self, name: str, about: str, read: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(name, about, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
