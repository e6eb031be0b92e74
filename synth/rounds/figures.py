"""What was failed before and after: figures of several rounds, by category and by concept.

In: folders of runs, the first round first. Out: for each category its failures, its budget and its published
rows in each round; for each concept how many of its problems are failed in each round. The problems of a
concept are those of which any round listed it, since only failed problems are asked for concepts.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synth.rounds.plan import nothing_failed
from synth.store import StageStore

Row = dict[str, Any]


class InRound(NamedTuple):
    """A category in one round; what is no longer, still or newly failed since the round before.

    No longer failed is not solved: a problem that is right once in its last visit has a rising trend.
    """

    problems: int
    failed: int
    rate: float | None
    share: float
    budget: int
    rows: int
    no_longer: int | None
    still: int | None
    newly: int | None


class Category(NamedTuple):
    """A category in each round; None where a round does not have it."""

    category: str
    rounds: list[InRound | None]


class Concept(NamedTuple):
    """A concept, its problems of all rounds, and in each round how many of those it has are failed."""

    name: str
    problems: int
    tried: list[int]
    failed: list[int]


class Whole(NamedTuple):
    """One round: its run, its problems, how many of those are the first round's too, and its rows."""

    round: int
    run: str
    problems: int
    common: int
    failed: int
    definition: str
    budget: int
    rows: int


class Figures(NamedTuple):
    """All rounds of a loop."""

    name: str
    rounds: list[Whole]
    categories: list[Category]
    concepts: list[Concept]

    def as_tree(self) -> Row:
        """The same for machines."""
        categories = [
            {"category": one.category, "rounds": [found._asdict() if found else None for found in one.rounds]}
            for one in self.categories
        ]
        return {
            "name": self.name,
            "rounds": [one._asdict() for one in self.rounds],
            "categories": categories,
            "concepts": [one._asdict() for one in self.concepts],
        }

    def remarks(self) -> list[str]:
        """What keeps rounds from being compared, one sentence each."""
        said = []
        if len({one.definition for one in self.rounds}) > 1:
            said.append("Not all rounds call the same a failure: see the definitions.")
        if any(one.common < max(one.problems, self.rounds[0].problems) for one in self.rounds):
            said.append("Not all rounds have the same problems: rates are of other ones.")
        return said


class _Read(NamedTuple):
    folder: Path
    problems: dict[str, Row]
    listed: list[Row]
    budgets: dict[str, Row]
    rows: Counter[str]


def figures(name: str, numbers: Sequence[int], folders: Sequence[Path]) -> Figures:
    """The figures of finished runs, and the number of the round of each, the first round first.

    Raises:
        StoreError: a run is not finished, or is damaged.
    """
    read: list[_Read] = []
    for folder in folders:
        read.append(_read_empty(folder, read) if nothing_failed(folder) else _read(folder))
    return Figures(
        name,
        [_whole(number, one, read[0]) for number, one in zip(numbers, read, strict=True)],
        _categories(read),
        _concepts(read),
    )


def _problems(folder: Path) -> dict[str, Row]:
    columns = ["problem_id", "category", "is_weakness", "definition"]
    rows = StageStore(folder, "weaknesses").read("weaknesses").select(columns).to_pylist()
    return {row["problem_id"]: row for row in rows}


def _read_empty(folder: Path, before: Sequence[_Read]) -> _Read:
    """A round in which nothing was failed: nobody was asked for categories, so those known before count."""
    known = {problem: row["category"] for one in before for problem, row in one.problems.items()}
    problems = {
        problem: row | {"category": known.get(problem, row["category"])}
        for problem, row in _problems(folder).items()
    }
    counts = Counter(row["category"] for row in problems.values())
    budgets = {
        name: {"category": name, "problems": count, "failed": 0, "share": 0.0, "budget": 0}
        for name, count in counts.items()
    }
    return _Read(folder, problems, [], budgets, Counter())


def _read(folder: Path) -> _Read:
    targets = StageStore(folder, "targets")
    listed = targets.read("problem_concepts").select(["problem_id", "concept_id", "name"]).to_pylist()
    budgets = {row["category"]: row for row in targets.read("budgets").to_pylist()}
    rows = Counter(StageStore(folder, "dataset").read("dataset")["category"].to_pylist())
    return _Read(folder, _problems(folder), listed, budgets, rows)


def _whole(number: int, one: _Read, first: _Read) -> Whole:
    failed = sum(row["is_weakness"] for row in one.problems.values())
    definition = next((row["definition"] for row in one.problems.values()), "")
    budget = sum(row["budget"] for row in one.budgets.values())
    common = len(one.problems.keys() & first.problems.keys())
    return Whole(
        number, one.folder.name, len(one.problems), common, failed, definition, budget, one.rows.total()
    )


def _categories(read: Sequence[_Read]) -> list[Category]:
    names = sorted({name for one in read for name in one.budgets})
    return [
        Category(name, [_in_round(name, one, read[n - 1] if n else None) for n, one in enumerate(read)])
        for name in names
    ]


def _in_round(name: str, one: _Read, before: _Read | None) -> InRound | None:
    if not (row := one.budgets.get(name)):
        return None
    no_longer = still = newly = None
    if before is not None:
        was, now = _failed(name, before), _failed(name, one)
        # A problem that this round does not have is none of the three.
        tried = {problem for problem in one.problems if problem in before.problems}
        no_longer, still = len((was & tried) - now), len(was & now)
        newly = len((now & tried) - was)
    rate = row["failed"] / row["problems"] if row["problems"] else None
    given = (row["problems"], row["failed"], rate, row["share"], row["budget"], one.rows[name])
    return InRound(*given, no_longer, still, newly)


def _failed(category: str, one: _Read) -> set[str]:
    rows = one.problems.values()
    return {row["problem_id"] for row in rows if row["is_weakness"] and row["category"] == category}


def _concepts(read: Sequence[_Read]) -> list[Concept]:
    """Those that most was failed of in the first round first."""
    problems: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for row in (row for one in read for row in one.listed):
        problems.setdefault(row["concept_id"], set()).add(row["problem_id"])
        names[row["concept_id"]] = row["name"]
    found = [_concept(names[concept], of, read) for concept, of in problems.items()]
    return sorted(found, key=lambda one: ([-failed for failed in one.failed], one.name))


def _concept(name: str, problems: set[str], read: Sequence[_Read]) -> Concept:
    tried = [problems & one.problems.keys() for one in read]
    failed = [
        sum(one.problems[problem]["is_weakness"] for problem in there)
        for one, there in zip(read, tried, strict=True)
    ]
    return Concept(name, len(problems), list(map(len, tried)), failed)
