"""Categories and concepts of failed problems: what is kept of a reply, and how budgets follow rates and pools."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from synth.config import RunConfig
from synth.config_screen import ScreenConfig
from synth.errors import ConfigError
from synth.prompts.replies import Unparseable, parse_one
from synth.stages.base import Output
from synth.stages.screen import screen_questions
from synth.stages.shares import balanced
from synth.stages.targeted import Held
from synth.stages.targets import find_targets
from synth.stages.weaknesses import find_weaknesses
from synth.sws.tables import HISTORIES
from tests.stages.test_answers import Body, Said, services

Row = dict[str, Any]
Problem = tuple[str, str | None, list[float]]
Find = Callable[..., Output]
FAILED, PASSED = [0.5, 0.25, 0.25], [0.5, 0.75, 1.0]


def histories(*problems: Problem) -> pa.Table:
    rows = [
        {
            "problem_id": f"p_{text}", "problem": f"Find the {text}.", "category": category, "label": None,
            "model": None, "source": "log", "visits": len(curve), "accuracies": curve, "attempts": None,
            "unanimity": None,
        }
        for text, category, curve in problems
    ]  # fmt: skip
    return pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["problem_id"])), schema=HISTORIES.schema)


def config(**sections: dict[str, Any]) -> RunConfig:
    entry = {"base_url": "fake:", "model": "one", "structured": "json_schema"}
    tree = {"flow": "sws", "models": {"one": entry}, "roles": {"generator": "one"}, **sections}
    return RunConfig.model_validate(tree)


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Both stages, one after the other, with a scripted extractor; the last of them."""

    def run(
        made: RunConfig,
        say: Callable[[Body], Said],
        *problems: Problem,
        stage: str = "targets",
        said: Callable[[str], None] = lambda sentence: None,
    ) -> Output:
        with services(made, tmp_path, say) as bare:
            given = replace(bare, say=said)
            weak = find_weaknesses(histories(*problems), made, given)
            weak.check_balance("weaknesses")
            if stage == "weaknesses":
                return weak
            found = find_targets(weak.tables["weaknesses"], weak.tables["categories"], made, given)
        found.check_balance("targets")
        return found

    return run


def listing(*names: str) -> Callable[[Body], str]:
    return lambda body: json.dumps({"reasons": "so", "concepts": names})


def reasons(made: Output) -> list[tuple[str, str]]:
    return sorted((row.reason, row.detail) for row in made.rejected)


def names(made: Output) -> list[str]:
    return [
        row["name"] for row in sorted(made.tables["problem_concepts"].to_pylist(), key=lambda r: r["rank"])
    ]


def test_a_list_is_read_name_by_name(find: Find) -> None:
    said = listing(
        "Area of a circle", "a chord", "area of a Circle", "", "geometry", "word " * 13, "a seventh"
    )
    asked = config(targets={"concepts": 6, "size": 2})
    made = find(asked, said, ("area", "Geometry", FAILED), ("side", "Geometry", PASSED))
    assert names(made) == ["area of a circle", "a chord"]
    assert [reason for reason, _ in reasons(made)] == ["empty", "surplus", "too_broad", "too_long"]
    assert made.parents == {"p_area"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [("[1, 2]", "unparseable"), ('{"reasons": "", "concepts": "a"}', "unparseable"), ("{}", "unparseable")],
)
def test_what_is_no_list_rejects_its_problem(find: Find, reply: str, reason: str) -> None:
    made = find(config(), lambda body: reply, ("area", "Geometry", FAILED))
    assert [(row.row_id, row.reason) for row in made.rejected] == [("p_area", reason)]
    assert made.tables["budgets"].to_pylist()[0]["budget"] == 0


def test_a_list_is_never_evaluated() -> None:
    with pytest.raises(Unparseable):
        parse_one("problem_concepts", "json_schema", "['a', __import__('os').getcwd()]")
    tagged = "<reasons>so</reasons>\n<concepts>\n- a ratio\n2. a [root]\n\n* a sum\n</concepts>"
    found = parse_one("problem_concepts", "tags", tagged)
    assert found.model_dump() == {"reasons": "so", "concepts": ["a ratio", "a [root]", "a sum"]}
    with pytest.raises(Unparseable):
        parse_one("problem_concepts", "tags", tagged + "<concepts>\n- another\n</concepts>")


def test_few_problems_are_asked_of_where_it_is_said(find: Find) -> None:
    problems = [(f"number {n}", "Algebra", FAILED) for n in range(6)]
    made = find(config(targets={"most_problems": 2, "size": 2}), listing("a root", "a sum"), *problems)
    assert len(made.parents) == 2
    assert {row.reason for row in made.rejected} == {"not_sampled"}
    again = find(config(targets={"most_problems": 4, "size": 2}), listing("a root", "a sum"), *problems)
    assert made.parents < again.parents


def test_the_budget_follows_rates_and_is_capped_by_concepts(find: Find) -> None:
    def say(body: Body) -> str:
        word = body["messages"][-1]["content"].split("Find the ")[1].split(".")[0]
        return json.dumps({"reasons": "", "concepts": [f"{word} {n}" for n in range(5)]})

    many = [(f"root {n}", "Algebra", FAILED) for n in range(8)] + [("sum", "Algebra", PASSED)] * 8
    few = [("side", "Geometry", FAILED)]
    said: list[str] = []
    made = find(
        config(targets={"budget": 100}), say, *dict.fromkeys(map(_hashable, many + few)), said=said.append
    )
    rows = {row["category"]: row for row in made.tables["budgets"].to_pylist()}
    names = ("budget", "capped", "supports", "most_from_one")
    # Five concepts of one problem give no set of which three at most come from one: so the rule is lifted.
    assert [rows["Geometry"][name] for name in names] == [1, True, 1, 5]
    assert [rows["Algebra"][name] for name in names] == [99, False, rows["Algebra"]["supports"], 3]
    assert rows["Algebra"]["concepts"] == 40
    assert any("Combinations of Geometry may have more than 3 concepts of one" in line for line in said)
    assert "Capped, as their concepts bear no more: Geometry 1; 100 of 100 combinations" in said[-1]


def test_categories_without_the_concepts_of_a_combination_are_named_and_stop_where_all_are(
    find: Find,
) -> None:
    def say(body: Body) -> str:
        word = body["messages"][-1]["content"].split("Find the ")[1].split(".")[0]
        return json.dumps({"reasons": "", "concepts": [f"{word} {n}" for n in range(3)]})

    many = [(f"root {n}", "Algebra", FAILED) for n in range(8)]
    said: list[str] = []
    made = find(config(targets={"budget": 9}), say, *many, ("side", "Geometry", FAILED), said=said.append)
    assert [row["budget"] for row in made.tables["budgets"].to_pylist()] == [9, 0]
    assert said[-1].startswith("No combination of Geometry: the failed problems there have fewer concepts")
    with pytest.raises(ConfigError, match="no category has the 5 concepts of a combination.* 3 at most"):
        find(config(), say, ("side", "Geometry", FAILED), ("root", "Algebra", FAILED))
    small = find(config(targets={"size": 3, "budget": 9}), say, ("side", "Geometry", FAILED))
    assert small.tables["budgets"]["budget"].to_pylist() == [1]


def _hashable(problem: Problem) -> Any:
    text, category, curve = problem
    return text, category, tuple(curve)


def test_a_category_is_one_of_the_list_in_any_spelling(find: Find) -> None:
    said = {"one": "number_theory", "two": "OTHER", "three": "Cooking"}

    def say(body: Body) -> str:
        word = body["messages"][-1]["content"].split("Find the ")[1].split(".")[0]
        return json.dumps({"summary": "so", "category": said[word]})

    problems = [(word, None, FAILED) for word in said] + [("four", "algebra", FAILED)]
    made = find(config(), say, *problems, stage="weaknesses")
    found = {row["problem_id"]: row["category"] for row in made.tables["weaknesses"].to_pylist()}
    assert found == {"p_one": "Number Theory", "p_two": "Uncategorised", "p_four": "algebra"}
    assert reasons(made) == [("unparseable", "'Cooking' is none of the categories")]


def test_without_labels_all_share_a_category_and_nobody_is_asked(find: Find) -> None:
    def say(body: Body) -> str:
        raise AssertionError("nobody was to be asked")

    quiet = config(weakness={"label": False})
    made = find(quiet, say, ("one", None, FAILED), ("two", None, PASSED), stage="weaknesses")
    assert set(made.tables["weaknesses"]["category"].to_pylist()) == {"Uncategorised"}


def test_without_weaknesses_nobody_is_asked(find: Find) -> None:
    with pytest.raises(ConfigError, match="none of 1 problems is failed"):
        find(config(), lambda body: "{}", ("one", None, PASSED))


def test_few_problems_stand_behind_a_set() -> None:
    held = Held.of({"p1": ["a", "b"], "p2": ["b", "c"], "p3": ["c"], "p4": ["a", "b", "d"]})
    assert held.behind(["a", "b"]) == ["p1"]
    assert held.behind(["a", "b", "d", "c"]) == ["p4", "p2"]
    assert held.behind(["c"]) == ["p2"]


BUDGETS = pa.table({"category": ["A", "B", "C"], "budget": [50, 30, 20]})


def published(counts: dict[str, int], target: int = 0, most_left_out: float = 1.0) -> dict[str, int]:
    rows = [
        {"id": f"q{name}{n}", "combination_id": f"c{n}", "category": name}
        for name, count in counts.items()
        for n in range(count)
    ]
    kept, due = balanced(rows, BUDGETS, target, most_left_out)
    assert len(kept) == sum(due.values())
    return due


@pytest.mark.parametrize(
    ("counts", "target", "due"),
    [
        ({"A": 50, "B": 30, "C": 20}, 0, {"A": 50, "B": 30, "C": 20}),
        ({"A": 40, "B": 30, "C": 20}, 0, {"A": 40, "B": 24, "C": 16}),
        ({"A": 50, "B": 30, "C": 1}, 0, {"A": 4, "B": 2, "C": 1}),
        ({"A": 1, "B": 1, "C": 1}, 0, {"A": 1, "B": 1, "C": 1}),  # a share below one row is one row
        ({"A": 50, "B": 30}, 0, {"A": 50, "B": 30}),  # none of C: the others keep theirs
        ({"A": 50, "B": 30, "C": 20}, 10, {"A": 5, "B": 3, "C": 2}),
        ({"A": 50, "B": 30, "C": 1}, 50, {"A": 31, "B": 18, "C": 1}),  # what C lacks goes to the others
        ({"A": 3, "B": 2, "C": 1}, 50, {"A": 3, "B": 2, "C": 1}),
        ({}, 0, {}),
    ],
)
def test_rows_are_cut_to_the_shares(counts: dict[str, int], target: int, due: dict[str, int]) -> None:
    assert published(counts, target) == due


@pytest.mark.parametrize(
    ("counts", "due"),
    [
        ({"A": 48, "B": 30, "C": 20}, {"A": 48, "B": 29, "C": 19}),  # exact shares cost 2 of 98
        ({"A": 50, "B": 30, "C": 1}, {"A": 45, "B": 27, "C": 1}),  # 8 of 81 may go, where there is most
        ({"A": 50, "B": 60, "C": 20}, {"A": 50, "B": 47, "C": 20}),  # 13 of 130
        ({"A": 1, "B": 1, "C": 7}, {"A": 1, "B": 1, "C": 7}),  # a tenth of 9 is less than a row
        ({"A": 1, "C": 9}, {"A": 1, "C": 8}),
        ({}, {}),
    ],
)
def test_the_shares_cost_a_tenth_of_the_accepted_rows_at_most(
    counts: dict[str, int], due: dict[str, int]
) -> None:
    assert published(counts, most_left_out=0.1) == due


@pytest.mark.parametrize("seed", range(20))
def test_no_category_with_rows_goes_and_no_more_rows_than_may(seed: int) -> None:
    rng = random.Random(seed)
    counts = {name: rng.choice([1, 2, rng.randrange(1, 400)]) for name in "ABC"}
    share = rng.choice([0.0, 0.05, 0.1, 0.5])
    due = published(counts, most_left_out=share)
    assert all(1 <= due[name] <= counts[name] for name in counts)
    assert sum(counts.values()) - sum(due.values()) <= share * sum(counts.values()) + 1e-9


def test_questions_that_repeat_a_seed_fall() -> None:
    seed = (
        "A train leaves the station at noon and travels at sixty kilometres an hour for three hours, then at forty"
        " for two more hours. Find the distance in kilometres between the train and the station at five o'clock."
    )
    texts = {
        "same": seed.upper().replace("A TRAIN", "A train"),
        "near": seed.replace("noon", "one"),
        "near too": seed.replace("noon", "one"),
        "new": "Find 2 + 3 of 9 apples.",
    }
    rows = [
        {"question_id": name, "combination_id": "c", "question": text, "language": "en", "references": []}
        for name, text in texts.items()
    ]
    made = screen_questions(
        pa.Table.from_pylist(rows), None, [], [], ScreenConfig(), seeds={"p_2": seed, "p_1": "Find nothing."}
    )
    found = {row.row_id: (row.reason, row.clash_id) for row in made.rejected}
    assert found["same"] == ("duplicate", "p_2")
    assert found["near"] == ("near_duplicate", "p_2")
    assert found["near too"] == ("duplicate", "near")
    assert made.parents == {"new"}
