"""Let the prompts learn from the owner's decisions and from gold, and take into use what is better.

Knows the labels, the learning room and the folder of programs. In: a Place, gold files, a budget.  Out: Outcomes.

Every answered call is kept in the ledger, so a run that was stopped, or is made again, goes on where it was.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from app.errors import BadInput, GrammarGaveUp, PromptTooLong, Truncated
from app.graph.carry import read_picture  # first: it silences graphiti
from app.graph.store import GraphStore
from app.journal.chunks import chunk_entry
from app.journal.types import Entry
from app.ledger.home import make_private_folder
from app.ledger.store import LEDGER_NAME, Ledger
from app.measure.gold import GoldEntity, GoldFact, GoldText, read_gold
from app.picture import Label, Picture
from app.pipeline.home import Place, ask_graph
from app.pipeline.request import GRAPH_NAME, prompts_folder
from app.pipeline.sizes import chunk_tokens, token_counter
from app.settings import settings

DEFAULT_BUDGET = 300


@dataclass(frozen=True, slots=True)
class OptimiseRequest:
    """What a person asked for; None means: as the settings say.

    budget   calls of the model, for all programs together
    """

    place: Place
    gold: tuple[Path, ...] = ()
    budget: int = DEFAULT_BUDGET
    model: str | None = None
    owner: str | None = None
    dry_run: bool = False

    @property
    def model_name(self) -> str:
        return str(Path(self.model or settings.MLX_MODEL_NAME).expanduser())

    @property
    def owner_name(self) -> str:
        return self.owner or settings.DAYBOOK_OWNER


@dataclass(frozen=True, slots=True)
class Learnt:
    """What became of one program; `file` is where it lies if it was taken into use."""

    program: str
    examples: int
    before: float
    after: float
    chosen: str
    calls: int
    file: Path | None


def optimise(request: OptimiseRequest, say: Callable[[str], None]) -> list[Learnt]:
    """Learn, judge, keep what is better.

    raises  BadInput for too few labels or too small a budget, with how many it takes; ModelMissing, HomeBusy
    """
    make_private_folder(request.place.folder)
    with Ledger.open(request.place.folder) as ledger:
        # Late: dspy and mlx cost seconds each, and a request that cannot be met should not wait for them.
        from app.learn.abstain import CALLS
        from app.learn.lessons import examples_of, meetings_of
        from app.learn.study import LEAST, forecast

        lessons, meetings = _labelled(request, ledger)
        gold = list(_gold(request))
        lessons, meetings = [*lessons, *gold], [*meetings, *meetings_of(lesson.text for lesson in gold)]
        found = examples_of(lessons, meetings)
        enough = {name: examples for name, examples in found.items() if len(examples) >= LEAST}
        with_facts = [lesson for lesson in lessons if lesson.text.facts is not None and lesson.text.entities]
        told = ", ".join(f"{len(examples)} for {name}" for name, examples in found.items())
        if not enough:
            hint = f"{LEAST} texts are the least; decide on more with `python -m app review`, or give --gold FILE"
            raise BadInput(f"too few labelled texts to learn from: {told}", hint=hint)
        kept = CALLS * len(with_facts) if "extract_edges" in enough else 0
        needed = sum(forecast(len(examples)) for examples in enough.values()) + kept
        say(f"labelled texts: {told}; at least {needed} calls, {request.budget} allowed")
        if request.budget < needed:
            raise BadInput(f"--budget is {request.budget}, {needed} is the least here", hint="raise it")
        if request.dry_run:
            return []
        learnt = _study(request, ledger, enough, request.budget - kept, say)
        if kept:
            learnt.append(_abstain(request, ledger, with_facts, say))
        return learnt


def _study(
    request: OptimiseRequest, ledger: Ledger, enough: dict[str, list[Any]], budget: int, say: Callable[[str], None]
) -> list[Learnt]:
    """DSPy's optimisers on each program in turn."""
    from app.dspy_lm import Flights, MlxEngine, name_of
    from app.learn.lessons import shares
    from app.learn.memory import Remembering
    from app.learn.study import Meter, local_lm, study
    from app.prompts.programs import journal_programs, save_program

    engine, folder, learnt = _engine(request.model_name), prompts_folder(request.place.folder), list[Learnt]()
    programs, spent, started = journal_programs(folder=folder), 0, time.monotonic()
    for place, (name, examples) in enumerate(enough.items()):
        meter = Meter((budget - spent) // (len(enough) - place))
        lm = local_lm(name_of(engine.loaded), Remembering(MlxEngine(Flights(engine)), ledger.calls, meter))
        told = partial(_told, say, started, budget, spent, meter)
        outcome = study(name, programs[name], shares(examples), lm, meter, told)
        spent += meter.spent
        file = save_program(outcome.predict, folder, name) if outcome.is_better else None
        learnt.append(
            Learnt(name, outcome.examples, outcome.before, outcome.after, outcome.chosen, outcome.calls, file)
        )
    return learnt


def _abstain(request: OptimiseRequest, ledger: Ledger, lessons: list[Any], say: Callable[[str], None]) -> Learnt:
    """How sure the model must be of a fact, with the programs that are in use by now."""
    from app.learn.abstain import CALLS, learn_confidence
    from app.learn.lessons import shares
    from app.prompts.programs import journal_programs, save_program

    folder = prompts_folder(request.place.folder)
    programs = journal_programs(folder=folder)
    facts = programs["extract_edges"]
    if facts.demos or programs["extract_entities"].demos:  # of a text that is shown in the prompt nothing is learnt
        lessons = [lesson for part in shares(lessons)[1:] for lesson in part]
    found = learn_confidence(lessons, programs, partial(_asked, _engine(request.model_name), ledger))
    told = f"facts less sure than {found.confidence:g} left out"
    say(f"extract_edges, end to end: F1 {found.before:.3f}, {found.after:.3f} with {told}; four folds")
    file = None
    if found.is_better:
        facts.min_confidence = found.confidence
        file = save_program(facts, folder, "extract_edges")
    return Learnt("extract_edges", found.texts, found.before, found.after, told, CALLS * found.texts, file)


def _asked(engine: Any, ledger: Ledger, call: Any) -> tuple[str, list[Any]] | None:
    """An answer and its weights, remembered or of now; None for a prompt too long or an answer that does not end."""
    from app.llm.request import Request, Turn
    from app.llm.weights import weights_of

    turns = [Turn(message["role"], message["content"]) for message in call.messages]
    logprobs = 0 if call.weigh is not None else None
    question = engine.prepare(Request(messages=turns, output_type=call.schema, is_template=True, logprobs=logprobs))
    known = ledger.calls.get(question.key)
    if known is not None:
        return known, ledger.weights.get(question.key) or []
    try:
        done = engine.answer(question)
    except (GrammarGaveUp, PromptTooLong, Truncated):
        return None
    weights = weights_of(engine.loaded.tokenizer, done)
    ledger.calls.put(
        question.key, prompt_name="optimise", answer=done.text, prompt_tokens=done.prompt_tokens,
        answer_tokens=len(done.token_ids), cached_tokens=done.cached_tokens,
        seconds=done.seconds_prefill + done.seconds_decode, weights=weights,
    )  # fmt: skip
    return done.text, weights or []


@lru_cache(maxsize=1)
def _engine(model: str) -> Any:
    from app.llm.engine import Engine
    from app.llm.loader import load_generator

    return Engine(load_generator(model, allow_download=True))


def _told(say: Callable[[str], None], started: float, budget: int, before: int, meter: Any, line: str) -> None:
    """A line with how long the rest of the budget would take at the pace so far."""
    spent = before + meter.spent
    pace = (time.monotonic() - started) / max(spent, 1)
    say(f"{line} (at most {pace * (budget - spent) / 60:.1f} min more)")


def _gold(request: OptimiseRequest) -> Iterator[Any]:
    """Gold texts that fit a call whole: what is cut would have to be labelled anew."""
    from app.learn.lessons import Lesson

    limit, count = chunk_tokens(request.model_name), token_counter(request.model_name)
    for path in request.gold:
        for text in read_gold(path):
            entry = Entry(path, text.day, text.text, 0, len(text.text))
            if len(chunk_entry(entry, max_tokens=limit, count_tokens=count)) == 1:
                yield Lesson(text, names_whole=text.names_whole and text.types is None)


def _labelled(request: OptimiseRequest, ledger: Ledger) -> tuple[list[Any], list[Any]]:
    """(texts, meetings) that the owner has decided on; empty where nothing was loaded."""
    home, group = request.place.folder, request.place.group_name
    labels = ledger.labels.all(group)
    if not labels or not (home / GRAPH_NAME).exists() or not (home / LEDGER_NAME).exists():
        return [], []

    async def look(store: GraphStore, _: Ledger) -> Picture:
        return await read_picture(store)

    picture = ask_graph(request.place, None, ledger, look)
    decided = {label.target for label in labels}
    told_by: dict[str, list[Label]] = {}
    for label in labels:
        for episode in {uuid for episodes in label.roots.values() for uuid in episodes}:
            told_by.setdefault(episode, []).append(label)
    lessons = [
        _lesson(request.owner_name, picture, episode, told_by[episode.uuid], decided)
        for episode in picture.episodes
        if episode.uuid in told_by
    ]
    met = (_meeting(request.owner_name, picture, label) for label in labels)
    return lessons, [meeting for meeting in met if meeting is not None]


def _meeting(owner: str, picture: Picture, label: Label) -> Any:
    """A merge says who a name is; a name that was accepted is none of those it looks like. None: it says neither."""
    from app.learn.lessons import MOST_KNOWN, Meeting, is_alike

    if label.kind != "entity" or label.verb not in ("merge", "accept"):
        return None
    name, same_as = label.about["name"], label.about.get("into")
    telling = set(label.roots.get(name, ()))
    texts = (episode.text for episode in picture.episodes if episode.uuid in telling and name in episode.text)
    text = next(texts, None)
    others = [one for one in picture.entities if one.name not in (name, owner)]
    near = [one for one in others if one.name == same_as or is_alike(one.name, name)]
    known = sorted(near, key=lambda one: (one.name != same_as, one.name))[:MOST_KNOWN]
    if text is None or not known or (same_as is not None and known[0].name != same_as):
        return None
    told = tuple(sorted((one.name, one.type, one.summary) for one in known))
    return Meeting(owner, text, name, label.about.get("type") or "Thing", told, same_as)


def _lesson(owner: str, picture: Picture, episode: Any, labels: list[Label], decided: set[str]) -> Any:
    from app.learn.lessons import Lesson

    types = {entity.name: entity.type for entity in picture.entities}
    right = [label for label in labels if label.verb != "reject"]
    wrong = [label for label in labels if label.verb == "reject"]
    facts = tuple(_fact(label.about) for label in right if label.kind == "fact")
    names = {label.about["name"]: label.about.get("type") for label in right if label.kind == "entity"}
    names |= {end: types.get(end) for fact in facts for end in (fact.source, fact.target) if end != owner}
    mentioned = {entity for uuid, entity in picture.mentions if uuid == episode.uuid}
    stated = {fact.uuid for fact in picture.facts if episode.uuid in fact.episodes}
    text = GoldText(
        episode.uuid, episode.uuid, episode.valid_at.date(), owner, episode.text,
        tuple(GoldEntity((name,), kind) for name, kind in names.items() if name in episode.text),
        facts=facts if any(label.kind == "fact" for label in labels) else None, is_dated=True,
    )  # fmt: skip
    return Lesson(
        text,
        frozenset(label.about["name"] for label in wrong if label.kind == "entity"),
        frozenset(frozenset((label.about["source"], label.about["target"])) for label in wrong if label.kind == "fact"),
        names_whole=mentioned <= decided,
        facts_whole=stated <= decided,
    )


def _fact(about: dict[str, Any]) -> GoldFact:
    days = [date.fromisoformat(about[name]) if about[name] else None for name in ("valid_at", "invalid_at")]
    return GoldFact(about["source"], about["target"], about["relation"], about["fact"], *days)
