"""A ReAct agent that may search the graph: `python examples/ask_the_graph_with_an_agent.py "Who is Nora?" [HOME]`.

Load journals first: python load_journals.py. The agent thinks, searches, and answers; with the bundled model it does so
badly, but every step of it parses. Name a better one with MLX_MODEL_NAME.
"""

import sys
from pathlib import Path

import dspy

sys.path.insert(0, str(Path(__file__).parent.parent))

from app.dspy_lm import JSONAdapter, mlx_lm
from app.llm.engine import Engine
from app.pipeline import look
from app.pipeline.home import Place


def main(question: str, home: Path | None = None, model: Engine | None = None) -> str:
    """The agent's answer, with MLX_MODEL_NAME unless a loaded model is given."""

    def search_graph(words: str) -> str:
        """Facts of the journal that match some words, with the days since when they hold."""
        found = look.search(Place(home), words, limit=3) if words.strip() else []
        return "\n".join(f"{fact.valid_at}: {fact.fact}" for fact in found) or "nothing found"

    with dspy.context(lm=mlx_lm(model), adapter=JSONAdapter()):
        agent = dspy.ReAct("question -> answer", tools=[search_graph], max_iters=3)
        answer: str = agent(question=question).answer
    print(answer)
    return answer


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "Who is Nora?", Path(sys.argv[2]) if len(sys.argv) > 2 else None)
