"""What holds for every test: nothing leaves this machine.

In: nothing.  Out: a network that answers only at home; a test that reaches further fails at the call.
"""

import os
import socket
from typing import Any

import pytest

# Before any library is imported: they look at these once, at their import.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    GRAPHITI_TELEMETRY_ENABLED="false",
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    TOKENIZERS_PARALLELISM="false",
)

_HOME = ("127.0.0.1", "::1", "localhost")


@pytest.fixture(autouse=True)
def _stay_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection and name look-up beyond this machine."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_at_home(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in _HOME:
            pytest.fail(f"a test reached for the network: {address}")
        connect(self, address)

    def look_up_at_home(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in (None, "", *_HOME):
            pytest.fail(f"a test looked for a host on the network: {host}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connect_at_home)
    monkeypatch.setattr(socket, "getaddrinfo", look_up_at_home)
