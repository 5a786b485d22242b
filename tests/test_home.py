"""The tests themselves stay on this machine."""

import socket

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("journal.invalid", 443)])
def test_no_test_reaches_the_network(address: tuple[str, int]) -> None:
    """A connection to anywhere else fails the test at the call."""
    with pytest.raises(pytest.fail.Exception, match="network"):
        socket.create_connection(address, timeout=1)


def test_a_test_may_serve_itself() -> None:
    """A server and its client on the loopback interface understand each other."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            client.sendall(b"hello")
            assert accepted.recv(5) == b"hello"
