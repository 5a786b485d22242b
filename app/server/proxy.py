"""MCP over stdio for programs that start their servers themselves: every message goes to the server that runs.

Knows MCP's transports; knows no tool, no model and no graph. In: messages on stdin.  Out: messages on stdout.
"""

from typing import Any

import anyio
import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp.server.stdio import stdio_server

from app.server.running import Running

SECONDS = 120.0  # the first search of a large home makes its index


async def forward(running: Running) -> None:
    """Until stdin ends."""
    headers = {"authorization": f"Bearer {running.key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=SECONDS, trust_env=False) as http,
        streamable_http_client(f"{running.url}/mcp", http_client=http) as (from_server, to_server),
        stdio_server() as (from_program, to_program),
        to_program,  # closed first: the transport writes until then, and would wait for ever
        anyio.create_task_group() as both,
    ):

        async def pump(source: Any, target: Any) -> None:
            async for message in source:
                if not isinstance(message, Exception):  # a line that is no message: the transport has said so
                    await target.send(message)
            both.cancel_scope.cancel()

        both.start_soon(pump, from_program, to_server)
        both.start_soon(pump, from_server, to_program)
