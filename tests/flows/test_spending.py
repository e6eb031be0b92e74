"""What a run has spent of its budget, and how its yield compares with that of earlier runs."""

from pathlib import Path

from flows.artifacts import unwrapped
from flows.earlier import compared, yields
from flows.spending import ALL, spent
from synth.config_money import BudgetConfig
from synth.facade import run
from synth.report import manifests
from synth.settings import load
from tests import corpus

OFF = ["combinations.level2=off", "combinations.level3=off", "screen.benchmarks=[]"]
PRICED = 'models.fake={base_url="fake:", model="fake", price={input=1.0, output=2.0}}'


def test_cost_and_yield_of_two_runs(tmp_path: Path) -> None:
    documents = corpus.write(tmp_path / "documents")
    runs = tmp_path / "runs"
    for seed, name in enumerate(("monday", "tuesday")):
        config = load(
            "synthllm-recommended", [str(documents)], "fake", overrides=[*OFF, PRICED, f"seed={seed}"]
        )
        run(config, name=name, runs=runs)
    other = load("synthllm-faithful", [str(documents)], "fake", overrides=OFF)
    run(other, name="other", runs=runs)

    folder = runs / "tuesday"
    cells, said = spent(folder, BudgetConfig(money=2, calls=1000))
    whole = cells[-1]
    calls = sum(int(row["calls"]) for row in cells[:-1])
    assert whole["stage"] == ALL
    assert int(whole["calls"]) == calls > 0
    assert f"{whole['cost']} of 2 USD (" in said
    assert f"{calls} calls of 1,000 ({calls / 1000:.1%})" in said
    assert "no ceiling" not in said
    assert spent(folder, BudgetConfig())[1].endswith("The budget has no ceiling for these.")

    found = yields(folder)
    assert [one.run for one in found] == ["tuesday", "monday"]  # of the same recipe
    assert found[0].published == manifests(folder)["dataset"].outputs["dataset"]
    assert "; the run before it published " in compared(found)
    assert all(one.cost.endswith(" USD") for one in found)
    assert compared(found[:1]).endswith("There is no earlier run to compare with.")


def test_paragraphs_of_a_card_stand_on_one_line() -> None:
    card = "# Head\n\nOne line\nand the next.\n\n> A\n> quotation.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n- y\n"
    code = "\n```\na\nb\n```\n"
    assert unwrapped(card + code) == (
        "# Head\n\nOne line and the next.\n\n> A quotation.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n- y\n"
        + code
    )
