"""What any dialect asks of the engine, in one shape.

Knows the engine's words; knows no dialect. In: what a dialect read.  Out: an Order.
"""

from dataclasses import dataclass
from typing import Any

from app.llm.functions import Function
from app.llm.mlx_thread import INTERACTIVE
from app.llm.request import Turn
from app.llm.tool_calls import ToolCalls
from app.server.refusals import Unsupported
from app.server.schemas import check_schema

ANY_OBJECT: dict[str, Any] = {"type": "object"}


@dataclass(frozen=True, slots=True)
class Order:
    """One request.

    functions    that may be called; must_call: one of them must
    schema       of the answer (of the text beside calls, where there are functions); None: free text
    max_tokens   None: as many as the limit allows
    seed         None: drawn anew each time
    """

    turns: tuple[Turn, ...]
    functions: tuple[Function, ...] = ()
    must_call: bool = False
    parallel: bool = True
    schema: dict[str, Any] | None = None
    max_tokens: int | None = None
    temperature: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    priority: int = INTERACTIVE

    def __post_init__(self) -> None:
        if self.stop and (self.functions or self.schema is not None):
            raise Unsupported("stop", "stop texts and a grammar exclude each other", hint="leave one of them out")
        if self.must_call and not self.functions:
            raise Unsupported("tool_choice", "a tool must be called, and there is none", hint="name tools")
        for function in self.functions:
            check_schema(function.parameters, f"tools.{function.name}")
        if self.schema is not None:
            check_schema(self.schema, "schema")

    @property
    def output_type(self) -> ToolCalls | dict[str, Any] | None:
        """What the answer may be, for the engine."""
        if self.functions:
            return ToolCalls(self.functions, self.must_call, self.parallel, self.schema)
        return self.schema
