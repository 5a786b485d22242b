"""Foretell what a run will take, and learn from what it took: the planner's figures, from and to the ledger.

Knows the ledger's notes and, where a model was never run here, a short probe of it; computes nothing itself.
In: a request and its chunks.  Out: a Forecast before the run, its error after it.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from app.budget.clock import PrefillClock
from app.budget.planner import Costs, Pace, Work, forecast, growth_of
from app.errors import ModelMissing
from app.ledger.notes import read_note
from app.ledger.store import Ledger
from app.pipeline.request import LoadReport, LoadRequest
from app.pipeline.sizes import chunk_tokens, prompt_tokens, token_counter
from app.pipeline.words import in_words
from app.settings import settings

if TYPE_CHECKING:  # at run time it would wake mlx, which a forecast from the ledger does without
    from app.llm.engine import Engine


def work_of(texts: Iterable[str], entries: int, model: str) -> Work:
    """What there is to read into an empty graph."""
    tokens = chunk_sizes(texts, model)
    return Work(entries, len(tokens), sum(tokens))


def chunk_sizes(texts: Iterable[str], model: str) -> list[int]:
    """Tokens of each text, as the model counts them."""
    count = token_counter(model)
    return [count(text) for text in texts]


def foretell(request: LoadRequest, work: Work, report: LoadReport) -> None:
    """Add to a dry run's report what the run would take: from earlier runs, else from a probe of the model.

    A model that is not on this machine yet is not fetched for it: then there is no forecast.
    """
    _add_plan(request, report)
    pace = Pace.from_json(read_note(request.home_folder, _note_name(request)))
    if pace is None:
        from app.pipeline.engine import open_engine

        try:
            pace = first_pace(open_engine(request.model_name, allow_download=False), request.model_name)
        except ModelMissing as error:
            report.forecast_missing = error.message
            return
    report.forecast = forecast(work, pace)


def first_pace(engine: "Engine", model: str) -> Pace:
    """A guess from typical calls at the speed of this model on this machine now; a second's work."""
    from app.llm.room import time_pass, time_prefill

    longest = prompt_tokens(chunk_tokens(model))
    clock = PrefillClock()  # what the machine does now, not what it did in the last weeks
    time_prefill(engine.loaded, clock)
    seconds = clock.seconds(longest) or 0.0
    needed = engine.budget.weight_bytes + engine.budget.run_bytes(longest + engine.budget.limit().output)
    return Pace.of_probe(seconds / longest, time_pass(engine.loaded), needed)


class Foretold:
    """The forecast of one run, made before its first chunk, held against the run at its end."""

    def __init__(
        self, request: LoadRequest, ledger: Ledger, sizes: Sequence[int], entries: int, probe: Pace, report: LoadReport
    ) -> None:
        """
        sizes   tokens of the chunks to be read, in order
        probe   the model on this machine now: the pace where it was never run here, and else what corrects it
        """
        held = len(ledger.finished_episodes(request.group_name))
        self._sizes, self._work = sizes, Work(entries, len(sizes), sum(sizes), held)
        self._ledger, self._name, self._report = ledger, _note_name(request), report
        known = Pace.from_json(ledger.noted(self._name))
        self._pace = known.at(probe) if known else probe
        _add_plan(request, report)
        self._forecast = report.forecast = forecast(self._work, self._pace)

    @property
    def line(self) -> str:
        """For a person, before the run."""
        return f"forecast: {in_words(self._forecast)}"

    def learn(self, start_seconds: float, seconds: float, peak_bytes: int, of_chunks: Sequence[float]) -> None:
        """Write the error into the report, and the run into the ledger's pace.

        start_seconds, seconds   of `seconds` in all, those until the models were there
        of_chunks                seconds of each chunk that was read
        """
        report = self._report
        report.forecast_error = self._forecast.error(seconds)
        if report.replayed_calls or not report.model_calls:
            return  # answers that were there already say nothing about the next run
        costs = Costs(
            chunks=self._work.chunks,
            tokens=self._work.tokens,
            calls=report.model_calls,
            prompt_tokens=report.prompt_tokens,
            cached_tokens=report.cached_tokens,
            answer_tokens=report.answer_tokens,
            forward_passes=report.forward_passes,
            model_seconds=report.seconds_of_model,
            other_seconds=max(seconds - start_seconds - report.seconds_of_model, 0.0),
            places=self._work.chunks * self._work.mean_place,
        )
        growth = growth_of(self._sizes[: len(of_chunks)], of_chunks, self._work.held)
        pace = self._pace.after(costs, self._forecast, start_seconds, peak_bytes, growth)
        self._ledger.note(self._name, pace.to_json())


def _add_plan(request: LoadRequest, report: LoadReport) -> None:
    report.chunk_tokens, report.kv_bits = chunk_tokens(request.model_name), settings.MLX_KV_BITS


def _note_name(request: LoadRequest) -> str:
    return f"pace of {request.model_name}"
