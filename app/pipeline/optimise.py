"""Let the prompts learn from the owner's decisions and from gold, and take into use what is better.

Knows the labels, the learning room and the folder of programs. In: a Place, gold files, a budget.  Out: Outcomes.

Every answered call is kept in the ledger, so a run that was stopped, or is made again, goes on where it was.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from app.errors import BadInput
from app.graph.carry import read_picture  # first: it silences graphiti
from app.graph.store import GraphStore
from app.journal.chunks import chunk_entry
from app.journal.types import Entry
from app.ledger.home import make_private_folder
from app.ledger.labels import Label
from app.ledger.store import LEDGER_NAME, Ledger
from app.measure.gold import GoldEntity, GoldFact, GoldText, read_gold
from app.picture import Picture
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
        from app.learn.lessons import examples_of, shares
        from app.learn.study import LEAST, Meter, forecast, study

        found = examples_of([*_labelled(request, ledger), *_gold(request)])
        enough = {name: examples for name, examples in found.items() if len(examples) >= LEAST}
        told = ", ".join(f"{len(examples)} for {name}" for name, examples in found.items())
        if not enough:
            hint = f"{LEAST} texts are the least; decide on more with `python -m app review`, or give --gold FILE"
            raise BadInput(f"too few labelled texts to learn from: {told}", hint=hint)
        needed = sum(forecast(len(examples)) for examples in enough.values())
        say(f"labelled texts: {told}; at least {needed} calls, {request.budget} allowed")
        if request.budget < needed:
            raise BadInput(f"--budget is {request.budget}, {needed} is the least here", hint="raise it")
        if request.dry_run:
            return []
        from app.dspy_lm import Flights, MlxEngine, name_of
        from app.learn.memory import Remembering
        from app.learn.study import local_lm
        from app.llm.engine import Engine
        from app.llm.loader import load_generator
        from app.prompts.programs import journal_programs, save_program

        engine = Engine(load_generator(request.model_name, allow_download=True))
        folder, learnt = prompts_folder(request.place.folder), []
        programs, spent, started = journal_programs(folder=folder), 0, time.monotonic()
        for place, (name, examples) in enumerate(enough.items()):
            meter = Meter((request.budget - spent) // (len(enough) - place))
            lm = local_lm(name_of(engine.loaded), Remembering(MlxEngine(Flights(engine)), ledger.calls, meter))
            outcome = study(name, programs[name], shares(examples), lm, meter, _timed(say, meter, started))
            spent += meter.spent
            file = save_program(outcome.predict, folder, name) if outcome.is_better else None
            learnt.append(
                Learnt(name, outcome.examples, outcome.before, outcome.after, outcome.chosen, outcome.calls, file)
            )
        return learnt


def _timed(say: Callable[[str], None], meter: Any, started: float) -> Callable[[str], None]:
    """Each line with how long the rest of the budget would take at the pace so far."""

    def told(line: str) -> None:
        pace = (time.monotonic() - started) / max(meter.spent, 1)
        say(f"{line} (at most {pace * meter.left / 60:.1f} min more)")

    return told


def _gold(request: OptimiseRequest) -> Iterator[Any]:
    """Gold texts that fit a call whole: what is cut would have to be labelled anew."""
    from app.learn.lessons import Lesson

    limit, count = chunk_tokens(request.model_name), token_counter(request.model_name)
    for path in request.gold:
        for text in read_gold(path):
            entry = Entry(path, text.day, text.text, 0, len(text.text))
            if len(chunk_entry(entry, max_tokens=limit, count_tokens=count)) == 1:
                yield Lesson(text, names_whole=text.names_whole and text.types is None)


def _labelled(request: OptimiseRequest, ledger: Ledger) -> list[Any]:
    """The texts that the owner has decided on; empty where nothing was loaded."""
    home, group = request.place.folder, request.place.group_name
    labels = ledger.labels.all(group)
    if not labels or not (home / GRAPH_NAME).exists() or not (home / LEDGER_NAME).exists():
        return []

    async def look(store: GraphStore, _: Ledger) -> Picture:
        return await read_picture(store)

    picture = ask_graph(request.place, None, ledger, look)
    decided = {label.target for label in labels}
    told_by: dict[str, list[Label]] = {}
    for label in labels:
        for episode in {uuid for episodes in label.roots.values() for uuid in episodes}:
            told_by.setdefault(episode, []).append(label)
    return [
        _lesson(request.owner_name, picture, episode, told_by[episode.uuid], decided)
        for episode in picture.episodes
        if episode.uuid in told_by
    ]


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
