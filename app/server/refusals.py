"""What a request can be refused with, in each dialect's own words, so that its SDK raises the right exception.

Knows our errors and both dialects' bodies; knows no endpoint. In: a DaybookError.  Out: a JSON response.
"""

import math
import secrets
from typing import ClassVar

from starlette.responses import JSONResponse, Response

from app.errors import BadInput, Cancelled, DaybookError, NoRoom, OutOfMemory, PromptTooLong

MAX_RETRY_SECONDS = 120  # SDKs wait no longer


class Unsupported(BadInput):
    """A parameter that is not there, or has a value that is not served; `parameter` is its path in the body."""

    code = "unsupported_parameter"

    def __init__(self, parameter: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.parameter = parameter


class Invalid(Unsupported):
    """A body that is not what the dialect says."""

    code = "invalid_value"


class UnknownModel(BadInput):
    """A model that is not loaded; none is loaded because a request names it."""

    code, status = "model_not_found", 404


class NotThere(BadInput):
    """No such path, or not with this method."""

    code, status = "not_found", 404


class Unauthorised(DaybookError):
    """No key, or a wrong one."""

    code, status = "invalid_api_key", 401


class Forbidden(DaybookError):
    """A web page, or a name in the Host header, that was not allowed."""

    code, status = "forbidden", 403


class TooLarge(BadInput):
    """More bytes than a body may have."""

    code, status = "request_too_large", 413


class WrongType(BadInput):
    """A body that is not announced as JSON: what a web page can send without asking."""

    code, status = "unsupported_media_type", 415


class QueueFull(DaybookError):
    """All places are taken; again in `retry_seconds`."""

    code, status = "queue_full", 429

    def __init__(self, message: str, *, retry_seconds: float) -> None:
        super().__init__(message, hint="try again")
        self.retry_seconds = retry_seconds


class TooLong(PromptTooLong):
    """A prompt, alone or with the answer it asks for, that the context cannot hold.

    max_tokens   of the answer, where the prompt alone would fit
    """

    def __init__(self, prompt_tokens: int, allowed: int, max_tokens: int | None = None) -> None:
        answer = f" and {max_tokens:,} of the answer" if max_tokens else ""
        super().__init__(f"{prompt_tokens:,} tokens of the prompt{answer}, {allowed:,} are allowed")
        self.prompt_tokens = prompt_tokens
        self.allowed = allowed
        self.max_tokens = max_tokens


class _Table:
    """Status -> type of error, for one dialect."""

    openai: ClassVar[dict[int, str]] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    anthropic: ClassVar[dict[int, str]] = {
        401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large",
        503: "overloaded_error", 504: "timeout_error", 529: "overloaded_error",
    }  # fmt: skip


def openai_body(error: DaybookError) -> dict[str, object]:
    """{"error": {message, type, param, code}}; clients tell a full context by code and by message."""
    kind = _Table.openai.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    parameter = getattr(error, "parameter", None)
    if isinstance(error, PromptTooLong):
        parameter = "messages"
    return {"error": {"message": _openai_message(error), "type": kind, "param": parameter, "code": error.code}}


def openai_refusal(error: DaybookError) -> Response:
    """The response of OpenAI's dialect."""
    return JSONResponse(openai_body(error), error.status, headers=_headers(error))


def anthropic_body(error: DaybookError) -> dict[str, object]:
    """{"type": "error", "error": {type, message}, "request_id"}; clients tell a full context by the message alone."""
    status = anthropic_status(error)
    kind = _Table.anthropic.get(status, "invalid_request_error" if status < 500 else "api_error")
    details = {"type": kind, "message": _anthropic_message(error)}
    return {"type": "error", "error": details, "request_id": f"req_{secrets.token_hex(12)}"}


def anthropic_refusal(error: DaybookError) -> Response:
    """The response of Anthropic's dialect."""
    body = anthropic_body(error)
    headers = {**_headers(error), "request-id": str(body["request_id"])}
    return JSONResponse(body, anthropic_status(error), headers=headers)


def anthropic_status(error: DaybookError) -> int:
    """A full queue is 529 there."""
    return 529 if isinstance(error, QueueFull) else error.status


def _headers(error: DaybookError) -> dict[str, str]:
    """Retry-After only where waiting helps; else SDKs are told not to try again."""
    if isinstance(error, NoRoom | OutOfMemory | QueueFull):
        return {"retry-after": str(min(MAX_RETRY_SECONDS, max(1, math.ceil(error.retry_seconds))))}
    if isinstance(error, Cancelled) or error.status in (500, 507):
        return {"x-should-retry": "false"}  # the same again would end the same
    return {}


def _openai_message(error: DaybookError) -> str:
    if not isinstance(error, TooLong):
        too_long = "This model's maximum context length is exceeded: " if isinstance(error, PromptTooLong) else ""
        return f"{too_long}{error}"
    resulted = f"your messages resulted in {error.prompt_tokens} tokens"
    if error.max_tokens is not None:
        resulted = (
            f"you requested {error.prompt_tokens + error.max_tokens} tokens ({error.prompt_tokens} in the messages, "
            f"{error.max_tokens} in the completion)"
        )
    return (
        f"This model's maximum context length is {error.allowed} tokens. However, {resulted}. "
        f"Please reduce the length of the messages{' or completion' if error.max_tokens else ''}."
    )


def _anthropic_message(error: DaybookError) -> str:
    if not isinstance(error, TooLong):
        return f"prompt is too long: {error}" if isinstance(error, PromptTooLong) else str(error)
    if error.max_tokens is None:
        return f"prompt is too long: {error.prompt_tokens} tokens > {error.allowed} maximum"
    return (
        f"input length and `max_tokens` exceed context limit: {error.prompt_tokens} + {error.max_tokens} > "
        f"{error.allowed}, decrease input length or `max_tokens` and try again"
    )
