"""GraphitiLM: Graphiti's language model, in this process, which cannot answer in a wrong shape.

Knows Graphiti's client contract and the Engine; knows no graph and no prompt.
In: Graphiti's messages and response model.  Out: a plain dict that the response model accepts.
"""

import json
from collections.abc import Callable
from typing import Any

from graphiti_core.llm_client.client import LLMClient, get_extraction_language_instruction
from graphiti_core.llm_client.config import LLMConfig, ModelSize
from graphiti_core.prompts.models import Message
from pydantic import BaseModel, ValidationError

from app.errors import DaybookError
from app.llm.calls import Calls, CallStats, Specialisation, Weights
from app.llm.engine import Engine
from app.llm.foregone import ChoiceError, foregone_answer
from app.llm.loader import LoadedModel, adopt
from app.llm.mlx_thread import BACKGROUND
from app.llm.request import DEFAULT_MAX_TOKENS, Request, Turn
from app.llm.weights import Weight, weights_of

UNNAMED = "unnamed"
ANY_OBJECT = {"type": "object"}


class GraphitiLM(LLMClient):  # type: ignore[misc]  # graphiti-core is untyped for us
    """Answers under a grammar, greedily and once: a local model would only repeat itself, so nothing is retried.

    Graphiti's own client sleeps and asks again after a JSONDecodeError; ours never raises one.
    """

    def __init__(
        self,
        outlines_model: Any,
        mlx_tokenizer: Any,
        config: LLMConfig | None = None,
        *,
        loaded: LoadedModel | None = None,
        engine: Engine | None = None,
        specialise: Callable[[], Specialisation | None] | None = None,
        calls: Calls | None = None,
        weights: Weights | None = None,
        stats: CallStats | None = None,
        priority: int = BACKGROUND,
    ) -> None:
        """
        outlines_model   outlines.from_mlxlm(model, tokenizer), or app.llm.outlines_model.from_engine's, which is shared
        loaded, engine   share a model or an engine already made; otherwise the Outlines model is adopted
        specialise       gives what the prompt's builder left for this call, once; None for a stock prompt
        calls, weights   answers given before are taken from here, with how sure they were
        """
        config = config or LLMConfig(max_tokens=DEFAULT_MAX_TOKENS)
        config.temperature = 0.0
        super().__init__(config, cache=False)  # Graphiti's cache keeps plain text in the working directory
        engine = engine or getattr(outlines_model, "engine", None)
        if engine is None:
            loaded = loaded or adopt(outlines_model.model, mlx_tokenizer, config.model or UNNAMED)
            engine = Engine(loaded)
        self.engine = engine
        self.model = self.small_model = engine.loaded.name
        self.stats = stats or CallStats()
        self._specialise = specialise or (lambda: None)
        self._calls = calls
        self._weights = weights
        self._priority = priority

    async def generate_response(
        self,
        messages: list[Message],
        response_model: type[BaseModel] | None = None,
        max_tokens: int | None = None,
        model_size: ModelSize = ModelSize.medium,  # noqa: ARG002  there is one model
        group_id: str | None = None,
        prompt_name: str | None = None,
        *,
        attribute_extraction: bool = False,
        model: str | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Graphiti's public call; `messages` are left as they came, `model_size` and `model` have one answer here.

        raises  PromptTooLong before device work; Truncated; DaybookError if a validator refuses the answer
        """
        special = self._specialise()
        if special is not None:
            turns = [Turn(message["role"], message["content"]) for message in special.messages]
        else:
            turns = self._stock_turns(messages, group_id, attribute_extraction)
        schema = special.schema if special is not None else response_model
        try:
            answer = foregone_answer(schema)
        except ChoiceError:
            weigh = special.weigh if special is not None else None
            text, weights = await self._ask(
                turns, schema or ANY_OBJECT, max_tokens or self.max_tokens, prompt_name or UNNAMED, weigh is not None
            )
            answer = json.loads(text)
            if weigh is not None and weights is not None:
                weigh(text, weights)
        if special is not None:
            answer = special.finish(answer)
        return _checked(answer, response_model, prompt_name or UNNAMED, attribute_extraction)

    async def _generate_response(
        self,
        messages: list[Message],
        response_model: type[BaseModel] | None = None,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        model_size: ModelSize = ModelSize.medium,  # noqa: ARG002  there is one model
        *,
        model: str | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Graphiti's abstract inner call, for code that uses it directly: messages are sent as they are."""
        turns = [Turn(message.role, message.content) for message in messages]
        text, _ = await self._ask(turns, response_model or ANY_OBJECT, max_tokens, UNNAMED, False)
        return _checked(json.loads(text), response_model, UNNAMED, False)

    async def _ask(
        self, turns: list[Turn], output_type: Any, max_tokens: int, prompt_name: str, is_weighed: bool
    ) -> tuple[str, list[Weight] | None]:
        """The answer's JSON text and, if wanted and known, how sure it was: recorded, or given now."""
        request = Request(
            messages=turns,
            output_type=output_type,
            max_tokens=max_tokens,
            is_template=True,
            priority=self._priority,
            logprobs=0 if is_weighed else None,
        )
        question = self.engine.prepare(request)
        recorded = self._calls.get(question.key) if self._calls is not None else None
        if recorded is not None:
            self.stats.record_replay(prompt_name)
            return recorded, self._weights.get(question.key) if self._weights is not None and is_weighed else None
        completion = await self.engine.aanswer(question)
        self.stats.record(prompt_name, completion)
        self.token_tracker.record(prompt_name, completion.prompt_tokens, len(completion.token_ids))
        weights = weights_of(self.engine.loaded.tokenizer, completion)
        if self._calls is not None:
            self._calls.put(
                question.key,
                prompt_name=prompt_name,
                answer=completion.text,
                prompt_tokens=completion.prompt_tokens,
                answer_tokens=len(completion.token_ids),
                cached_tokens=completion.cached_tokens,
                seconds=completion.seconds_prefill + completion.seconds_decode,
                weights=weights if self._weights is not None else None,
            )
        return completion.text, weights

    def _stock_turns(self, messages: list[Message], group_id: str | None, attribute_extraction: bool) -> list[Turn]:
        """Graphiti's own preparation, on copies; the schema is not pasted in, the grammar holds it."""
        copies = [message.model_copy() for message in messages]
        self._apply_attribute_extraction_preamble(copies, attribute_extraction)
        copies[0].content += get_extraction_language_instruction(group_id)
        return [Turn(message.role, self._clean_input(message.content)) for message in copies]


def _checked(
    answer: Any, response_model: type[BaseModel] | None, prompt_name: str, attribute_extraction: bool
) -> dict[str, Any]:
    """The answer as JSON values, after the response model has accepted it."""
    if response_model is None:
        return dict(answer)
    try:
        accepted = response_model.model_validate(answer)
    except ValidationError as error:
        # A validator written in Python is no grammar. pydantic's message would quote the journal: name the fields only.
        fields = ", ".join(sorted({".".join(map(str, problem["loc"])) or "the whole" for problem in error.errors()}))
        raise DaybookError(
            f"{prompt_name}: {response_model.__name__} refuses the answer ({fields})",
            hint="express the rule as a type, a pattern or a range",
        ) from None
    # An attribute that was not answered keeps its prior value; a default would overwrite it.
    return accepted.model_dump(mode="json", exclude_unset=attribute_extraction)
