"""What LiteLLM makes of a server; a process of its own, because LiteLLM leaves event loops and sockets open.

In: the server's URL.  Out: exit code 0, or the assertion that failed.
"""

import asyncio
import sys
from typing import Any

import litellm

from tests.server.asked import HI, LONG, MODEL, People


def raises(kind: type[Exception], **asked: Any) -> bool:
    try:
        litellm.completion(**asked)
    except kind:
        return True
    return False


async def at_once(**asked: Any) -> set[str]:
    answers = await asyncio.gather(*(litellm.acompletion(**asked) for _ in range(3)))
    return {answer.choices[0].message.content for answer in answers}


def main(url: str) -> None:
    litellm.suppress_debug_info = True
    for prefix, base in (("openai", f"{url}/v1"), ("anthropic", url)):
        options: Any = {"api_base": base, "api_key": "x", "num_retries": 0, "max_retries": 0}
        asked: Any = {"model": f"{prefix}/{MODEL}", "messages": HI, "max_tokens": 5, **options}
        whole = litellm.completion(**asked)
        assert whole.usage.completion_tokens == 5
        said = whole.choices[0].message.content
        assert "".join(p.choices[0].delta.content or "" for p in litellm.completion(**asked, stream=True)) == said
        assert asyncio.run(at_once(**asked)) == {said}
        assert raises(litellm.exceptions.ContextWindowExceededError, **{**asked, "messages": LONG})
        assert raises(litellm.exceptions.NotFoundError, **{**asked, "model": f"{prefix}/other"})
    options = {"api_base": f"{url}/v1", "api_key": "x", "max_retries": 0}
    answer = litellm.completion(model=f"openai/{MODEL}", messages=HI, response_format=People, **options)
    People.model_validate_json(answer.choices[0].message.content)
    assert len(litellm.embedding(model="openai/embedder", input=["a"], **options).data[0]["embedding"]) == 64


if __name__ == "__main__":
    main(sys.argv[1])
