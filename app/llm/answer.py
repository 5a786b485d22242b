"""One answer while it is being said: the four steps of a pass, and what they leave behind.

Knows tokens, caches and a Constraint; knows neither messages nor schemas.
In: a prompt whose last token is still to be fed.  Out: tokens, text, probabilities. Used on the MLX thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.llm.blas import mx
from app.llm.choosing import Choice, choose
from app.llm.drafts import Draft, Lookup
from app.llm.forward import WayBack, forward
from app.llm.grammar import Bits, Constraint, mask, no_bits
from app.llm.loader import LoadedModel
from app.llm.request import Request, TokenLogprob
from app.llm.streaming import TextStream
from app.llm.widths import Widths


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass of the model over what was unread and a draft.

    fed         the tokens of both, `unread` of them said before
    decisions   places in the draft, and perhaps the one behind it, where the model chooses
    bits        what the grammar allows there
    choices     what the model chooses there
    """

    fed: list[int]
    unread: int
    draft: Draft
    decisions: list[int]
    bits: Bits
    choices: list[Choice]
    way_back: WayBack


@dataclass(frozen=True, slots=True)
class Accepted:
    """How far a draft came true.

    rows       decisions that it guessed right
    tokens     of the draft that stay
    is_clear   the decision behind them, if there is one, was not taken by a hair's breadth
    """

    rows: int
    tokens: int
    is_clear: bool


class Answer:
    """The answer so far: `tokens` were said, `unread` are those of them that the model has not yet been fed."""

    def __init__(
        self,
        loaded: LoadedModel,
        layers: list[Any],
        constraint: Constraint,
        request: Request,
        prompt_ids: Sequence[int],
        *,
        fast_forward: bool,
        widths: Widths | None,
    ) -> None:
        self.is_free = request.output_type is None
        self.stream = TextStream(loaded.tokenizer, request.stop if self.is_free else (), request.on_text)
        self.tokens: list[int] = []
        self.passes = 0
        self._loaded = loaded
        self._layers = layers
        self._constraint = constraint
        self._request = request
        self._fast_forward = fast_forward
        self._widths = widths
        self._lookup = Lookup(prompt_ids)
        self._unread = [prompt_ids[-1]]
        self._told: dict[int, TokenLogprob] = {}
        self._take_forced()

    def is_done(self) -> bool:
        """Nothing is left to choose, or there is no room for it."""
        return len(self.tokens) >= self._request.max_tokens or self.is_whole()

    def is_whole(self) -> bool:
        """It ended by itself, within the tokens it was given."""
        has_ended = self._constraint.is_complete() and len(self.tokens) <= self._request.max_tokens
        return has_ended or self.stream.stopped_by is not None

    def draft(self) -> Draft:
        """Guess what comes next, as far as guessing pays; the grammar is left standing behind it."""
        if self._widths is None:
            return Draft()
        room = self._request.max_tokens - len(self.tokens)
        return self._lookup.draft(
            self._constraint, len(self._unread), room, self._widths.pays, fast_forward=self._fast_forward
        )

    def run(self, draft: Draft) -> Pass:
        """Feed what is unread and the draft; the masks are computed while the device works."""
        fed, unread = [*self._unread, *draft.tokens], len(self._unread)
        way_back = WayBack(self._layers if len(fed) > 1 else [])  # a single token is never taken back
        decisions = [*draft.guesses, *([] if self._constraint.is_complete() else [len(draft.tokens)])]
        logits = self._forward(fed, [unread - 1 + place for place in decisions])
        mx.async_eval(logits)  # type: ignore[no-untyped-call]
        bits = self._allowed_along(draft, len(decisions))
        return Pass(fed, unread, draft, decisions, bits, self._choose(logits, bits, decisions), way_back)

    def accept(self, run: Pass) -> Accepted:
        """A draft is right as far as it is what the model chooses, and no further than the model chooses clearly."""
        right, is_clear = 0, True
        for place, choice in zip(run.decisions, run.choices, strict=True):
            is_clear = choice.margin >= self._tie(run)
            if not is_clear or place == len(run.draft.tokens) or run.draft.tokens[place] != choice.token:
                break
            right += 1
        if self._widths is not None:
            self._widths.learn(run.draft.agreed, right)
        kept = run.decisions[right] if right < len(run.decisions) else len(run.draft.tokens)
        return Accepted(right, kept, is_clear)

    def trim(self, run: Pass, accepted: Accepted) -> None:
        """What was fed in vain is as if it had never been."""
        self._constraint.take_back(len(run.draft.tokens) - accepted.tokens)
        # A pass over several tokens rounds otherwise than one over a single one: what was not clear is asked alone.
        end = run.unread + accepted.tokens - (not accepted.is_clear)
        self._unread = run.way_back.keep(run.fed, end)

    def say(self, run: Pass, accepted: Accepted) -> None:
        """What stands of the draft, and the model's own choice behind it."""
        choices = run.choices[: accepted.rows + 1]
        if not accepted.is_clear:
            choices[-1] = self._ask_alone(run, accepted)
        if self._request.logprobs is not None:
            for place, choice in zip(run.decisions, choices, strict=False):
                self._told[len(self.tokens) + place] = choice.told(self._request.logprobs)
        self._add(run.draft.tokens[: accepted.tokens])
        if len(choices) > accepted.rows:
            token = choices[-1].token
            self._constraint.accept(token)
            if token not in self._loaded.eos_token_ids:
                self._add([token])
                self._unread.append(token)
        self._take_forced()

    def logprobs(self) -> tuple[TokenLogprob, ...] | None:
        """One a token, if they were asked for."""
        if self._request.logprobs is None:
            return None
        return tuple(self._told.get(i) or TokenLogprob(token, 0.0, None) for i, token in enumerate(self.tokens))

    def _take_forced(self) -> None:
        """Say what is the only way on."""
        if self._fast_forward:
            forced = self._constraint.forced()
            self._add(forced)
            self._unread += forced

    def _ask_alone(self, run: Pass, accepted: Accepted) -> Choice:
        if self._unread:
            self._forward(self._unread, [0])
        logits = self._forward([run.fed[run.unread + accepted.tokens - 1]], [0])
        self._unread = []
        row = accepted.rows
        return self._choose(logits, run.bits[row : row + 1], run.decisions[row : row + 1])[0]

    def _forward(self, tokens: Sequence[int], rows: Sequence[int]) -> mx.array:
        self.passes += 1
        return forward(self._loaded, tokens, self._layers, rows)

    def _choose(self, logits: mx.array, bits: Bits, decisions: list[int]) -> list[Choice]:
        places = [len(self.tokens) + place for place in decisions]
        return choose(logits, mask(logits, bits), self._request, places)

    def _allowed_along(self, draft: Draft, rows: int) -> Bits:
        """Walk the draft again and mark what the grammar allows at each decision."""
        bits = no_bits(rows, self._loaded.vocab_size)
        self._constraint.take_back(len(draft.tokens))
        for place, token in enumerate(draft.tokens):
            if place in draft.guesses:
                self._constraint.mark(bits, draft.guesses.index(place))
            self._constraint.accept(token)
        if rows > len(draft.guesses):
            self._constraint.mark(bits, rows - 1)
        return bits

    def _tie(self, run: Pass) -> float:
        """Scores nearer than this may have changed places by rounding; a pass over one token is what we go by."""
        if self._widths is None or len(run.fed) == 1:
            return 0.0
        return self._widths.costs.tie / (self._request.temperature or 1.0)

    def _add(self, tokens: Sequence[int]) -> None:
        """Say tokens; what comes behind a stop text is not said."""
        for part in [[token] for token in tokens] if self._request.stop else [list(tokens)]:
            if part and self.stream.stopped_by is None:
                self.tokens += part
                self._lookup.add(part)
                self.stream.add(part)
