"""Answer a question from the graph and the entries, and say for every sentence where it was read.

Knows the graph, the prompts and the models; writes only what a model answered and embedded into the ledger.
In: a question.  Out: an Answer whose sentences cite facts, days and entries, or the plain word that it is not told.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from app.errors import BadInput
from app.graph.recall import Found, Recall, passages_of
from app.graph.words import stems
from app.journal.asked import asked_time
from app.journal.language import does_not_tell, language_of
from app.journal.sentences import split_sentences
from app.ledger.store import Ledger
from app.llm.calls import Calls
from app.picture import Picture
from app.pipeline.home import Place, look, read_whole, uncollected
from app.pipeline.strangers import all_strangers
from app.prompts.inputs import dated
from app.settings import settings

MAX_QUESTION_CHARS = 500
LINES = 12  # facts and passages a model is shown
_PROMPT_NAME = "answer_question"


@dataclass(frozen=True, slots=True)
class Citation:
    """What an answer stands on: a fact of the graph, or (fact is None) a passage of an entry.

    date         of the entry it was read from
    start, end   characters of the journal file
    """

    number: int
    fact: str | None
    valid_at: date | None
    invalid_at: date | None
    date: date
    file: Path | None
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer and the numbers of its citations."""

    text: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """`told` is False where the journal is silent: then one sentence says so and nothing is cited."""

    question: str
    language: str
    told: bool
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    consulted: int  # facts and passages the model was shown


class Librarian:
    """A home that is open for questions: made once, asked often."""

    def __init__(self, picture: Picture, recall: Recall, models: Any, calls: Calls) -> None:
        self._picture, self._recall, self._models, self._calls = picture, recall, models, calls
        self._today = max((episode.valid_at.date() for episode in picture.episodes), default=date.min)

    @classmethod
    async def of(
        cls, picture: Picture, models: Any, calls: Calls, say: Callable[[str], None] = lambda _: None
    ) -> "Librarian":
        """Make the index of a picture; texts that were never embedded are, once, and kept in the ledger."""
        passages = passages_of(picture, split_sentences)
        facts = [fact.fact.replace("\n", " ") for fact in picture.in_order]
        if len(passages) > 2000:
            say(f"making {len(facts):,} facts and {len(passages):,} sentences ready; the first time takes longest")
        told = await models.embedder.embed_many(facts)
        written = await models.embedder.embed_many([passage.text for passage in passages])
        return cls(picture, Recall(picture, passages, told, written), models, calls)

    async def find(self, question: str, *, as_of: date | None = None, limit: int = LINES) -> list[Found]:
        """What the journal holds on a question, best first; no language model is asked."""
        vector = await self._models.embedder.embed_query(question)
        period = asked_time(question, as_of or self._today)  # "last week" is before the day it is asked on
        return self._recall.ask(question, vector, limit=limit, as_of=as_of, period=period)

    async def ask(self, question: str, *, as_of: date | None = None) -> Answer:
        """raises BadInput for an empty question or one beyond 500 characters; PromptTooLong, Truncated"""
        question = checked(question)
        language, strangers = language_of(question), all_strangers(question, self._recall.knows)
        found = [] if strangers else await self.find(question, as_of=as_of)
        chosen, text = await self.answer(question, found) if found else ([], "")
        if not chosen or not text.strip():
            silent = Sentence(does_not_tell(language, strangers), ())
            return Answer(question, language, False, (silent,), (), len(found))
        citations = tuple(self._citation(number, found[number - 1]) for number in chosen)
        return Answer(question, language, True, _cited(text, citations), citations, len(found))

    async def answer(self, question: str, found: Sequence[Found]) -> tuple[list[int], str]:
        """The numbers of the lines that answer, and the answer; asked once, then known to the ledger."""
        # Late: DSPy takes a second to wake, and finding does without.
        from app.llm.request import Request, Turn
        from app.prompts import schemas
        from app.prompts.library import render
        from app.prompts.signatures import AnswerQuestion

        numbers: dict[str, int] = {}
        for number, hit in enumerate(found, 1):
            numbers.setdefault(_line(hit), number)  # the same words of the same day are one line
        asked = {"facts_of_journal": "\n".join(numbers), "writer": self._picture.writer, "question": question}
        messages = render(AnswerQuestion, asked)
        engine = self._models.client.engine
        turns = [Turn(message["role"], message["content"]) for message in messages]
        request = Request(
            messages=turns,
            output_type=schemas.answer(list(numbers)),
            max_tokens=settings.MLX_MAX_OUTPUT_TOKENS,
            is_template=True,
        )
        prepared = engine.prepare(request)
        text = self._calls.get(prepared.key)
        if text is None:
            made = await engine.aanswer(prepared)
            text = made.text
            self._calls.put(
                prepared.key,
                prompt_name=_PROMPT_NAME,
                answer=text,
                prompt_tokens=made.prompt_tokens,
                answer_tokens=len(made.token_ids),
                cached_tokens=made.cached_tokens,
                seconds=made.seconds_prefill + made.seconds_decode,
                weights=None,
            )
        answer = json.loads(text)
        return [numbers[line] for line in answer["facts"]], answer["answer"]

    def _citation(self, number: int, hit: Found) -> Citation:
        if hit.fact is not None:
            span = next(iter(self._picture.evidence.get(hit.fact.uuid, [])), None)
            uuid = span.episode if span else hit.fact.episodes[0]
            start, end, words = (span.start, span.end, span.words) if span else (0, 0, "")
        else:
            assert hit.passage is not None  # a hit is one or the other
            uuid, start, end, words = hit.passage.episode, hit.passage.start, hit.passage.end, hit.passage.text
        episode = self._picture.episode[uuid]
        place, fact = episode.place, hit.fact
        return Citation(
            number=number,
            fact=fact.fact if fact else None,
            valid_at=fact.valid_at.date() if fact and fact.valid_at else None,
            invalid_at=fact.invalid_at.date() if fact and fact.invalid_at else None,
            date=episode.valid_at.date(),
            file=Path(place.path) if place else None,
            start=place.start + start if place else start,
            end=place.start + end if place else end,
            words=" ".join(words.split()),
        )


def ask(
    place: Place, question: str, *, as_of: date | None = None, model: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Answer:  # fmt: skip
    """Answer one question on a home and close it again; `say` hears which model serves."""
    question = checked(question)  # before a model is loaded for it

    async def answer(store: Any, ledger: Ledger) -> Answer:
        from app.pipeline import models as opener  # late: mlx takes seconds to wake

        models = opener.open_models(
            model or settings.MLX_MODEL_NAME, place.embedder or settings.MLX_EMBEDDER_NAME, ledger
        )
        say(models.about)
        with uncollected():
            librarian = await Librarian.of(await read_whole(store, ledger), models, ledger.calls, say)
        return await librarian.ask(question, as_of=as_of)

    return look(place, answer)


def checked(question: str) -> str:
    """The question on one line.  raises BadInput for an empty one, or one beyond 500 characters"""
    question = " ".join(question.split())
    if not 1 <= len(question) <= MAX_QUESTION_CHARS:
        raise BadInput(
            f"the question has {len(question)} characters, 1 to {MAX_QUESTION_CHARS} are allowed",
            hint="ask in a sentence",
        )
    return question


def _line(hit: Found) -> str:
    """A fact or a passage as a model reads and quotes it: its words, then its days."""
    if hit.passage is not None:
        return dated(hit.passage.text, str(hit.passage.day))
    assert hit.fact is not None
    since, until = (str(day.date()) if day else None for day in (hit.fact.valid_at, hit.fact.invalid_at))
    return dated(hit.fact.fact, since, until)


def _cited(text: str, citations: Sequence[Citation]) -> tuple[Sentence, ...]:
    """Each sentence with the citations whose words it shares most; none is left without one, and none left out."""
    sentences = [text[start:end] for start, end in split_sentences(text)]
    words = [set(stems(sentence)) for sentence in sentences]
    owners: list[list[int]] = [[] for _ in sentences]
    for citation in citations:
        told = set(stems(f"{citation.fact or ''} {citation.words}"))
        best = max(range(len(sentences)), key=lambda i: (len(words[i] & told) / (1 + len(words[i])), -i))
        owners[best].append(citation.number)
    everything = [citation.number for citation in citations]
    return tuple(Sentence(s, tuple(o or everything)) for s, o in zip(sentences, owners, strict=True))
