"""Answer in OpenAI's words: chat completions, whole or in chunks.

Knows OpenAI's names; computes nothing. In: parts and a Completion.  Out: JSON, or server-sent events.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

from app.errors import DaybookError
from app.llm.request import Completion, TokenLogprob
from app.llm.tool_calls import Argument, Called, Part, Said
from app.server.openai_body import ChatBody
from app.server.refusals import openai_body
from app.server.respond import event

TokenText = Callable[[int], tuple[str, bytes]]


class ChatReply:
    """One chat completion.

    model        the name of what answers, whatever the request called it
    fingerprint  of the model's weights and tokenizer
    token_text   a token's text and bytes
    """

    def __init__(self, chat: ChatBody, model: str, fingerprint: str, token_text: TokenText) -> None:
        self.is_streamed = bool(chat.stream)
        self._with_usage = bool(chat.stream_options and chat.stream_options.include_usage)
        self._token_text = token_text
        self._calls = 0
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": f"fp_{fingerprint[:12]}",
        }

    def whole(self, parts: list[Part], done: Completion) -> dict[str, Any]:
        """The body of a response that is not streamed."""
        text = "".join(part.text for part in parts if isinstance(part, Said))
        calls: list[dict[str, Any]] = []
        for part in parts:
            if isinstance(part, Called):
                calls.append(_call(part.name))
            elif isinstance(part, Argument):
                calls[-1]["function"]["arguments"] += part.text
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
        if calls:
            message |= {"content": text or None, "tool_calls": calls}
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": _finish(bool(calls), done),
            "logprobs": self._logprobs(done),
        }
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(done)}

    def opening(self, prompt_tokens: int) -> Iterator[bytes]:  # noqa: ARG002  Anthropic's dialect tells it here
        """The role comes first."""
        yield self._chunk({"role": "assistant", "content": "", "refusal": None})

    def part(self, part: Part) -> Iterator[bytes]:
        """A stretch of text, or of a call."""
        if isinstance(part, Said):
            yield self._chunk({"content": part.text})
        elif isinstance(part, Called):
            self._calls += 1
            yield self._chunk({"tool_calls": [{"index": self._calls - 1, **_call(part.name)}]})
        else:
            piece = {"index": self._calls - 1, "function": {"arguments": part.text}}
            yield self._chunk({"tool_calls": [piece]})

    def keep_alive(self) -> bytes:
        """A comment; every reader of events passes over it."""
        return b": keepalive\n\n"

    def closing(self, done: Completion) -> Iterator[bytes]:
        """Why it ended; the logprobs of all tokens, if asked for; the usage, if asked for."""
        yield self._chunk({}, finish=_finish(bool(self._calls), done), logprobs=self._logprobs(done))
        if self._with_usage:
            yield event({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(done)})
        yield b"data: [DONE]\n\n"

    def failure(self, error: DaybookError) -> bytes:
        """The stream ends without [DONE], so nobody takes it for a whole answer."""
        return event(openai_body(error))

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs}
        usage = {"usage": None} if self._with_usage else {}
        return event({**self._head, "object": "chat.completion.chunk", "choices": [choice], **usage})

    def _logprobs(self, done: Completion) -> dict[str, Any] | None:
        if done.logprobs is None:
            return None
        return {"content": [self._logprob(token) for token in done.logprobs], "refusal": None}

    def _logprob(self, said: TokenLogprob) -> dict[str, Any]:
        def named(token: int, logprob: float) -> dict[str, Any]:
            text, raw = self._token_text(token)
            return {"token": text, "logprob": logprob, "bytes": list(raw)}

        return {**named(said.token, said.logprob), "top_logprobs": [named(*other) for other in said.top]}


def _call(name: str) -> dict[str, Any]:
    return {"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": {"name": name, "arguments": ""}}


def _finish(has_calls: bool, done: Completion) -> str:
    return "length" if done.finish == "length" else "tool_calls" if has_calls else "stop"


def _usage(done: Completion) -> dict[str, Any]:
    """Here the prompt's tokens include those of the cache."""
    answer = len(done.token_ids)
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": answer,
        "total_tokens": done.prompt_tokens + answer,
        "prompt_tokens_details": {"cached_tokens": done.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    }  # fmt: skip
