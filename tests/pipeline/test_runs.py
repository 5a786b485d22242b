"""What a load keeps of its own course."""

from tests.pipeline.conftest import Bench


def test_a_load_is_remembered_and_shown(bench: Bench) -> None:
    """Every load that read something keeps its samples, an idle one keeps none; the command writes the page."""
    assert "remembers no runs" in bench.ask("report").err
    report = bench.load(bench.journals, "--json").json
    bench.load()
    run = bench.ask("report", "--json").json
    last = run["samples"][-1]
    assert (len(run["samples"]), last["entries"], last["chunks"]) == (4, 4, 4)
    assert (last["calls"], last["facts"], last["entities"]) == (
        report["model_calls"],
        report["facts"],
        report["entities"],
    )
    assert bench.ask("report", "--run", "2").code == 2
    assert bench.ask("report", "--out", str(bench.home / "run.html")).out.startswith(str(bench.home / "run.html"))
