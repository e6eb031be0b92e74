"""Concepts of failed problems in, targeted combinations out: each category draws its budget (SwS, sampling).

They are drawn from the lists of failed problems, or by walks from weak concepts in the graph of documents.
Where there are documents, each set gets the passages that are most like it. A failed problem of whose
concepts no set was made is rejected, and so is each draw that came to nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa

from synth.config import RunConfig
from synth.graph.cooccurrence import SAMPLERS
from synth.graph.draws import REPEATED, Failed, Kept, OneByOne, Sampled, of_size, said_of, sample
from synth.graph.grounding import ground
from synth.graph.incidence import Incidence
from synth.graph.matching import Match, usable
from synth.graph.opened import open_graph
from synth.graph.pool import Pool, units_of
from synth.graph.references import Finder
from synth.graph.walk import Step
from synth.graph.weak_walk import Weak, enough, weak_walk, weights
from synth.ids import content_id, stream
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Services
from synth.stages.combinations import rule_of
from synth.stages.matching import Vocabulary, match, match_rows
from synth.stages.targets import lists_of

Row = dict[str, Any]
STAGE = "combinations"
LEVEL = "targeted"
References = list[tuple[str, float]]


class Set(NamedTuple):
    """One set as it is written: concept ids by kind, steps, references, and its weak concepts."""

    topics: list[str]
    key_concepts: list[str]
    steps: list[Row]
    references: References
    weak: list[str]


@dataclass(frozen=True, slots=True)
class Made:
    """What came of one category; `used` are the weak concepts that some combination has."""

    rows: list[Row] = field(default_factory=list)
    failed: list[Rejected] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    tries: Counter[str] = field(default_factory=Counter)


class Held(NamedTuple):
    """Which concepts a failed problem lists, and which problems list a concept, in order."""

    lists: Mapping[str, frozenset[str]]
    problems: Mapping[str, list[str]]

    @classmethod
    def of(cls, lists: Mapping[str, list[str]]) -> "Held":
        """The problems of one category."""
        problems: dict[str, list[str]] = {}
        for problem, concept in sorted((p, c) for p, concepts in lists.items() for c in concepts):
            problems.setdefault(concept, []).append(problem)
        return cls({problem: frozenset(concepts) for problem, concepts in lists.items()}, problems)

    def behind(self, weak: Iterable[str]) -> list[str]:
        """Few problems that together list all of some concepts, those that list most of them first."""
        left, behind = set(weak), list[str]()
        while left:
            share = {p: len(left & self.lists[p]) for concept in left for p in self.problems[concept]}
            behind.append(min(share, key=lambda problem: (-share[problem], problem)))
            left -= self.lists[behind[-1]]
        return behind


@dataclass(frozen=True, slots=True)
class Ground:
    """What all categories share. `index` and `finder` are None without documents; `names` of all concepts."""

    config: RunConfig
    names: Mapping[str, str]
    weak: Mapping[str, str]
    matches: Mapping[str, Match]
    words: Vocabulary
    index: Incidence | None
    finder: Finder | None

    @property
    def found(self) -> dict[str, str]:
        """Weak concept -> concept of the graph."""
        return usable(self.matches)


def aim_combinations(tables: Mapping[str, pa.Table], config: RunConfig, services: Services) -> Output:
    """The budget of each category, as combinations."""
    listed = tables["problem_concepts"].to_pylist()
    ground_ = _ground(tables, listed, config, services)
    rows: list[Row] = []
    rejected: list[Rejected] = []
    lists = lists_of(listed)
    used, tries = set[str](), Counter[str]()
    for share in tables["budgets"].to_pylist():
        problems = lists.get(share["category"], {})
        made = _of_category(share, problems, ground_)
        rows += made.rows
        rejected += made.failed
        behind = {problem for problem, concepts in problems.items() if made.used.intersection(concepts)}
        rejected += [_unused(problem, share["category"]) for problem in problems if problem not in behind]
        used |= behind
        tries.update(made.tries)
    services.say(f"{config.targets.sampler}: {said_of(tries)}")
    return Output(
        tables={
            "combinations": make_table("combinations", rows),
            "matches": make_table("matches", match_rows(ground_.weak, ground_.matches)),
        },
        inputs=frozenset(row["problem_id"] for row in listed),
        parents=frozenset(used),
        rejected=rejected,
    )


def _ground(
    tables: Mapping[str, pa.Table], listed: list[Row], config: RunConfig, services: Services
) -> Ground:
    weak = {row["concept_id"]: row["name"] for row in listed}
    words = Vocabulary(config, services)
    concepts = tables.get("concepts")
    found = match(weak, concepts, words, config.targets.min_similarity)
    if concepts is None:
        return Ground(config, weak, weak, found, words, None, None)
    ranking = open_graph(services.folder.parent)
    index = ranking.incidence
    names = dict(zip(concepts["concept_id"].to_pylist(), concepts["name"].to_pylist(), strict=True))
    services.say(f"{len(usable(found)):,} of {len(weak):,} weak concepts were found in the documents.")
    finder = Finder(ranking, rule_of(config.combinations), config.seed)
    return Ground(config, {**weak, **names}, weak, found, words, index, finder)


def _of_category(share: Row, lists: Mapping[str, list[str]], ground_: Ground) -> Made:
    """The combinations of one category, and its draws that failed."""
    made, category, targets = Made(), share["category"], ground_.config.targets
    if not share["budget"]:
        return made
    source: _Walked | _Drawn
    if targets.sampler == "graph_walk":
        source = _Walked(lists, ground_)
    else:
        source = _Drawn(lists, ground_, share["most_from_one"] or 0)
    if not source.can_draw:
        detail = f"no weak concept of {category} stands in the documents, so no walk can start"
        made.failed.append(Rejected(content_id("walk", LEVEL, category), category, "no_concepts", detail))
        return made
    drawn = source.sample(category, share["budget"])
    made.tries.update(drawn.tries)
    made.failed.extend(_failed(category, one, source) for one in drawn.failed)
    needed = ground_.index is not None and targets.without_references == "reject"
    held = Held.of(lists)
    for one in map(source.set_of, drawn.kept):
        row = _combination(category, one, held, ground_)
        if needed and not one.references:
            made.failed.append(_without_reference(row))
        else:
            made.rows.append(row)
            made.used.update(one.weak)
    return made


class _Drawn:
    """Sets drawn from the lists of failed problems; their passages are found afterwards."""

    def __init__(self, lists: Mapping[str, list[str]], ground_: Ground, most_from_one: int) -> None:
        self._ground = ground_
        # What the budget of this category was worked out for.
        self._targets = ground_.config.targets.model_copy(update={"most_from_one": most_from_one})
        units = units_of(lists)
        vectors = ground_.words.vectors([ground_.weak[concept] for concept in units.concepts])
        self._pool = Pool.of(units, vectors)
        self.can_draw = bool(len(units.concepts))

    def sample(self, category: str, budget: int) -> Sampled:
        config = self._targets
        draw = SAMPLERS[config.sampler]
        sampler = OneByOne(
            lambda rng: draw(rng, self._pool, config),
            of_size(config.size),
            category,
            self._ground.config.seed,
        )
        return sample(sampler, budget, config.retries)

    def names(self, failed: Failed) -> list[str]:
        return [self._ground.weak[c] for c in self._pool.units.ids(failed.walk.concepts)]

    def set_of(self, kept: Kept) -> Set:
        units, shared = self._pool.units, self._ground
        weak = sorted(units.ids(kept.walk.concepts))
        references: References = []
        if shared.index is not None and shared.finder is not None:
            best = ground(weak, shared.found, shared.index, shared.finder)
            references = [(shared.index.passages[place], score) for place, score in best.references]
        return Set([], weak, _steps(kept.walk.steps, units), references, weak)


class _Walked:
    """Sets walked in the graph of documents, from concepts that were failed."""

    def __init__(self, lists: Mapping[str, list[str]], ground_: Ground) -> None:
        assert ground_.index is not None
        assert ground_.finder is not None
        self._ground, self._index, self._finder = ground_, ground_.index, ground_.finder
        frequency: dict[str, int] = {}
        for concept in (concept for listed in lists.values() for concept in listed):
            frequency[concept] = frequency.get(concept, 0) + 1
        found = {weak: concept for weak, concept in ground_.found.items() if weak in frequency}
        started = {c: w for c, w in weights(frequency, found).items() if self._index.find(c) is not None}
        self._weak = Weak.of(self._index, started)
        self._back: dict[str, list[str]] = {}
        for weak, concept in sorted(found.items()):
            self._back.setdefault(concept, []).append(weak)
        self.can_draw = bool(started)

    def sample(self, category: str, budget: int) -> Sampled:
        config, targets = self._ground.config, self._ground.config.targets
        # Where the documents have fewer weak concepts than a set is to hold, all that there are will do.
        least = min(targets.min_weak, len(self._weak.starts))
        fits = enough(self._weak, config.combinations, least)
        sampler = OneByOne(
            lambda rng: weak_walk(rng, self._weak, config.combinations, least), fits, category, config.seed
        )
        return sample(sampler, budget, targets.retries)

    def names(self, failed: Failed) -> list[str]:
        return [self._ground.names[c] for c in self._index.ids(failed.walk.concepts)]

    def set_of(self, kept: Kept) -> Set:
        walk = kept.walk
        best = self._finder.find([walk.concepts])[0]
        references = [(self._index.passages[place], score) for place, score in best]
        ids = self._index.ids(walk.concepts)
        weak = sorted(name for concept in ids for name in self._back.get(concept, ()))
        topics, concepts = self._index.ids(walk.topics), self._index.ids(walk.key_concepts)
        return Set(sorted(topics), sorted(concepts), _steps(walk.steps, self._index), references, weak)


def _steps(steps: Iterable[Step], units: Incidence) -> list[Row]:
    return [
        {
            "phase": step.phase,
            "concept_id": units.concepts[step.concept],
            "passage_id": None if step.passage is None else units.passages[step.passage],
        }
        for step in steps
    ]


def _combination(category: str, made: Set, held: Held, ground_: Ground) -> Row:
    sampler, seed = ground_.config.targets.sampler, ground_.config.seed
    concepts = made.topics + made.key_concepts
    passages = [passage for passage, _ in made.references]
    draw = stream(seed, STAGE, f"{LEVEL}:{category}:{','.join(sorted(concepts))}")
    difficulty = draw.choice(ground_.config.targets.difficulties)
    behind = held.behind(made.weak)
    return {
        "combination_id": content_id("cmb", LEVEL, sampler, category, difficulty, sorted(concepts), passages),
        "level": LEVEL,
        "sampler": sampler,
        "start_id": behind[0],
        "topics": made.topics,
        "key_concepts": made.key_concepts,
        "names": [ground_.names[concept] for concept in concepts],
        "walk": made.steps,
        "references": passages,
        "scores": [score for _, score in made.references],
        "category": category,
        "targets": behind,
        "difficulty_label": difficulty,
    }


def _unused(problem: str, category: str) -> Rejected:
    detail = "no combination was made of its concepts"
    return Rejected(problem, category, "not_sampled", detail)


def _failed(category: str, failed: Failed, source: "_Drawn | _Walked") -> Rejected:
    details = {REPEATED: "every draw is a set drawn before"}
    count = len(failed.walk.concepts)
    detail = details.get(failed.reason, f"{count} concepts in the last try, too few or too few of them weak")
    row = {"category": category, "item": failed.item, "names": source.names(failed)}
    return Rejected(
        content_id("walk", LEVEL, category, failed.item), category, failed.reason, detail, None, row
    )


def _without_reference(row: Row) -> Rejected:
    detail = "no passage shares a concept with it"
    return Rejected(row["combination_id"], row["category"], "no_reference", detail, None, row)
