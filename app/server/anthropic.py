"""Answer in Anthropic's words: messages, whole or as events.

Knows Anthropic's names; computes nothing. In: parts and a Completion.  Out: JSON, or server-sent events.
"""

import json
import secrets
from collections.abc import Iterator
from typing import Any

from app.errors import DaybookError
from app.llm.request import Completion
from app.llm.tool_calls import Called, Part, Said
from app.server.anthropic_body import MessagesBody
from app.server.refusals import anthropic_body
from app.server.respond import event


class MessageReply:
    """One message.

    model   the name that the request gave: clients that asked for a Claude look for it
    """

    def __init__(self, asked: MessagesBody) -> None:
        self.is_streamed = bool(asked.stream)
        self._blocks = 0
        self._open: type[Part] | None = None
        self._has_calls = False
        self._head = {
            "id": f"msg_{secrets.token_hex(12)}",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
        }

    def whole(self, parts: list[Part], done: Completion) -> dict[str, Any]:
        """The body of a response that is not streamed."""
        blocks: list[dict[str, Any]] = []
        for part in parts:
            if isinstance(part, Called):
                blocks.append({**_tool_use(part.name), "input": ""})
            elif isinstance(part, Said):
                blocks.append({"type": "text", "text": part.text, "citations": None})
            else:
                blocks[-1]["input"] += part.text
        for block in blocks:
            if block["type"] == "tool_use":
                block["input"] = _object(block["input"])
        self._has_calls = any(block["type"] == "tool_use" for block in blocks)
        return {**self._head, "content": blocks, **self._end(done), "usage": _usage(done)}

    def opening(self, prompt_tokens: int) -> Iterator[bytes]:
        """What of the prompt came from the cache is known only when it has been read: the end tells."""
        usage = {**_tokens(prompt_tokens, 0), "output_tokens": 0}
        end = {"stop_reason": None, "stop_sequence": None}
        message: dict[str, Any] = {**self._head, "content": [], **end, "usage": usage}
        yield event({"type": "message_start", "message": message}, "message_start")

    def part(self, part: Part) -> Iterator[bytes]:
        """A stretch of text, or of a call; blocks open and close around them."""
        if isinstance(part, Called):
            self._has_calls = True
            yield from self._opened(Called, {**_tool_use(part.name), "input": {}})
        elif isinstance(part, Said):
            if self._open is not Said:
                yield from self._opened(Said, {"type": "text", "text": ""})
            yield self._delta({"type": "text_delta", "text": part.text})
        else:
            yield self._delta({"type": "input_json_delta", "partial_json": part.text})

    def keep_alive(self) -> bytes:
        """SDKs pass over it."""
        return event({"type": "ping"}, "ping")

    def closing(self, done: Completion) -> Iterator[bytes]:
        """Why it ended, and the usage."""
        yield from self._closed()
        delta = {"type": "message_delta", "delta": self._end(done), "usage": _usage(done)}
        yield event(delta, "message_delta")
        yield event({"type": "message_stop"}, "message_stop")

    def failure(self, error: DaybookError) -> bytes:
        """The stream ends without message_stop, so nobody takes it for a whole answer."""
        return event(anthropic_body(error), "error")

    def _opened(self, kind: type[Part], block: dict[str, Any]) -> Iterator[bytes]:
        yield from self._closed()
        self._open = kind
        start = {"type": "content_block_start", "index": self._blocks, "content_block": block}
        yield event(start, "content_block_start")

    def _closed(self) -> Iterator[bytes]:
        if self._open is not None:
            yield event({"type": "content_block_stop", "index": self._blocks}, "content_block_stop")
            self._blocks += 1
            self._open = None

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return event({"type": "content_block_delta", "index": self._blocks, "delta": delta}, "content_block_delta")

    def _end(self, done: Completion) -> dict[str, Any]:
        reason = "max_tokens" if done.finish == "length" else "tool_use" if self._has_calls else "end_turn"
        if done.stopped_by is not None:
            reason = "stop_sequence"
        return {"stop_reason": reason, "stop_sequence": done.stopped_by}


def _tool_use(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{secrets.token_hex(12)}", "name": name}


def _object(text: str) -> dict[str, Any]:
    """The input of a call; of one that max_tokens cut short, nothing."""
    try:
        read: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return read


def _usage(done: Completion) -> dict[str, Any]:
    return {**_tokens(done.prompt_tokens, done.cached_tokens), "output_tokens": len(done.token_ids)}


def _tokens(prompt: int, cached: int) -> dict[str, Any]:
    """Here input_tokens are those that were not cached."""
    return {"input_tokens": prompt - cached, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached}
