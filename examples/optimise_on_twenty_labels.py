"""Let a prompt learn from twenty labelled texts: `python examples/optimise_on_twenty_labels.py [BUDGET]`.

The same as `python -m app optimise`, in Python: half is learnt from, a quarter chooses, a quarter decides.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app.dspy_lm import mlx_lm  # noqa: E402
from app.learn.lessons import ENTITIES, Lesson, examples_of, shares  # noqa: E402
from app.learn.memory import Remembering  # noqa: E402
from app.learn.study import Meter, Outcome, forecast, local_lm, study  # noqa: E402
from app.measure.gold import read_gold  # noqa: E402
from app.prompts.programs import journal_programs  # noqa: E402


def main(budget: int = 0, texts: int = 20) -> Outcome:
    """Study the prompt that finds names, with the least budget that makes sense unless another is given."""
    gold = sorted(read_gold(ROOT / "tests" / "gold" / "handwritten.jsonl"), key=lambda text: len(text.text))[:texts]
    examples = examples_of(Lesson(text) for text in gold)[ENTITIES]
    meter = Meter(budget or forecast(len(examples)))
    model = mlx_lm()
    counted = local_lm(model.model, Remembering(model.engine, None, meter))
    outcome = study(ENTITIES, journal_programs()[ENTITIES], shares(examples), counted, meter, print)
    verdict = f"better with {outcome.chosen}" if outcome.is_better else "no better; keep the old one"
    print(f"F1 {outcome.before:.3f} to {outcome.after:.3f} on texts it never saw: {verdict}")
    return outcome


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
