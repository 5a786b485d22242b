"""Print what was measured and what was learnt: aligned lines for people, one JSON object for programs.

Knows the results; decides nothing. In: an Evaluation.  Out: text on stdout.
"""

from typing import TYPE_CHECKING

from app.cli.report import print_json

if TYPE_CHECKING:  # at run time it would wake nothing, but the commands import late by habit
    from app.measure.calibration import Curve
    from app.measure.evaluation import Evaluation
    from app.pipeline.optimise import Learnt


def print_evaluation(found: "Evaluation", as_json: bool) -> None:
    """Figures, calibration, costs."""
    if as_json:
        print_json(found)
        return
    aside = f", {found.unread} chunks put aside" if found.unread else ""
    print(f"{found.gold}: {found.texts} texts{aside}; {found.model} {found.fingerprint}, {found.seconds:.0f} s")
    print(f"  {'':<30}  {'value':>6}  {'prec.':>6}  {'recall':>6}  {'of':>6}")
    for figure in found.figures:
        shares = f"{_share(figure.precision)}  {_share(figure.recall)}"
        print(f"  {figure.what:<30}  {figure.value:6.3f}  {shares}  {figure.of:6}")
    if found.calibration is not None:
        _print_curve(found.calibration)
    print(f"  {'prompt':<38}  {'calls':>6}  {'read':>9}  {'cached':>9}  {'written':>8}  {'seconds':>7}")
    for cost in found.prompts:
        print(
            f"  {cost.prompt:<38}  {cost.calls:6}  {cost.prompt_tokens:9,}  {cost.cached_tokens:9,}"
            f"  {cost.answer_tokens:8,}  {cost.seconds:7.1f}"
        )


def _print_curve(curve: "Curve") -> None:
    print(
        f"  confidence: error {curve.error_before:.3f} as told, {curve.error_after:.3f} calibrated, on facts not fitted"
    )
    for step in curve.steps:
        print(f"    from {step.start:.3f} on {step.share:5.0%} are right ({step.count} facts)")
    print(f"  {'--min-confidence':>18}  {'keeps':>6}  {'right':>6}")
    for row in curve.thresholds:
        print(f"  {row.confidence:18.3f}  {row.kept:6.0%}  {row.right:6.1%}")


def _share(value: float | None) -> str:
    return " " * 6 if value is None else f"{value:6.3f}"


def print_learnt(learnt: "list[Learnt]", as_json: bool) -> None:
    """A program a line: what it scored before and after on the texts that decide, and what became of it."""
    if as_json:
        print_json(learnt)
        return
    for one in learnt:
        margin = f"F1 {one.before:.3f} to {one.after:.3f}, {one.examples} texts, {one.calls} calls"
        kept = f"{one.chosen}, taken into use: {one.file}" if one.file else "no better, the old one stays"
        print(f"{one.program:<18}  {margin}; {kept}")
