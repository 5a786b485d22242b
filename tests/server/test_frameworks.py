"""The gate, second half: the frameworks that people build with, over a real socket, as their manuals say."""

import json
import subprocess
import sys
from typing import Any

import dspy
import openai
import pytest
from dspy.lm15 import AccessPolicy, ModelSupport, OpenAIChatCompat, ProviderDefinition, register_provider
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from tests.llm.tiny import SHARED
from tests.server.asked import HI, LONG, MODEL, People
from tests.server.conftest import Running

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs, of their own versions


def test_litellm_answers_streams_embeds_and_knows_our_refusals(running: Running) -> None:
    """In both dialects, alone and several at once; its mapping of errors reads our messages."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.server.litellm_child", running.url],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_what_openai_describes_is_answered_as_described_or_refused(running: Running) -> None:
    """Of the requests that its own description allows none is a 500, and a 200 has the shape described."""
    spec = SHARED / "proofs" / "openai_subset.json"
    if not spec.is_file():
        pytest.skip(f"OpenAI's description is not at {spec}")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.server.openai_child", str(spec), running.url, "10"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("mode", ["TOOLS", "TOOLS_STRICT", "JSON_SCHEMA", "JSON", "MD_JSON"])
def test_instructor_finds_its_instance(running: Running, mode: str) -> None:
    """Modes that send the schema always find one; JSON and MD_JSON leave the shape to the model's good will."""
    instructor = pytest.importorskip("instructor", reason="instructor's jiter and openai's exclude each other")
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0) as client:
        patched = instructor.from_openai(client, mode=getattr(instructor.Mode, mode))
        asked: Any = {"model": MODEL, "messages": HI, "response_model": People, "max_retries": 0, "max_tokens": 900}
        if mode in ("JSON", "MD_JSON"):
            with pytest.raises(Exception, match=r"alidation|JSON|json|incomplete"):
                patched.chat.completions.create(**asked)
        else:
            assert isinstance(patched.chat.completions.create(**asked), People)


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_langchain_finds_its_instance(running: Running, method: Any) -> None:
    """with_structured_output by either way; usage, streams, and its own exception for a full context."""
    from langchain_core.exceptions import ContextOverflowError

    chat = ChatOpenAI(model=MODEL, base_url=f"{running.url}/v1", api_key="x", max_retries=0)  # type: ignore[arg-type]
    assert isinstance(chat.with_structured_output(People, method=method).invoke("hi"), People)
    assert (
        "".join(str(piece.content) for piece in chat.stream("hi", max_tokens=5))
        == chat.invoke("hi", max_tokens=5).content
    )
    with pytest.raises(ContextOverflowError):
        chat.invoke(LONG[0]["content"])


def test_langchain_speaks_anthropic_too(running: Running) -> None:
    """Its structured output forces a tool."""
    chat: Any = ChatAnthropic(model=MODEL, base_url=running.url, api_key="x", max_retries=0, max_tokens=900)  # type: ignore[call-arg, arg-type]
    assert isinstance(chat.with_structured_output(People).invoke("hi"), People)


def test_langchain_embeds_texts_and_is_told_about_tokens(running: Running) -> None:
    """Texts go in; the token ids of another tokenizer, which it sends by default, are refused with the cure."""
    options: Any = {"model": "embedder", "base_url": f"{running.url}/v1", "api_key": "x", "max_retries": 0}
    vectors = OpenAIEmbeddings(**options, check_embedding_ctx_length=False).embed_documents(["abc", "d"])
    assert [len(vector) for vector in vectors] == [64, 64]


def test_dspy_over_http_keeps_a_signature(running: Running) -> None:
    """A registered provider says that the server keeps schemas; then DSPy asks for them."""
    register_provider(
        ProviderDefinition.chat(
            AccessPolicy(provider="daybook", base_url=f"{running.url}/v1"),
            compat=OpenAIChatCompat(),
            placeholder_key="local",
        ),
        supports=ModelSupport(function_calling=True, response_schema=True),
    )
    lm = dspy.LM(f"daybook/{MODEL}", cache=False, num_retries=0, max_tokens=900)
    signature = dspy.Signature({"entry": (str, dspy.InputField()), "people": (list[str], dspy.OutputField())})
    with dspy.context(lm=lm, adapter=dspy.JSONAdapter()):
        assert isinstance(dspy.Predict(signature)(entry="Marie went to Ghent.").people, list)
    with pytest.raises(dspy.ContextWindowExceededError):
        lm(LONG[0]["content"])


async def test_graphiti_over_http_gets_its_model(running: Running) -> None:
    """Graphiti's own client for OpenAI-like servers, with its schema enforced here."""
    from graphiti_core.llm_client.config import LLMConfig
    from graphiti_core.llm_client.openai_generic_client import OpenAIGenericClient
    from graphiti_core.prompts.models import Message

    config = LLMConfig(api_key="x", model=MODEL, small_model=MODEL, base_url=f"{running.url}/v1", temperature=0)
    client = OpenAIGenericClient(config=config, max_tokens=900)
    answer = await client.generate_response([Message(role="user", content="Who is told of?")], response_model=People)
    People.model_validate(answer)
    assert json.dumps(answer)
    await client.client.close()
