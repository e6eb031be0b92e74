"""Weaknesses in, concepts of failed problems and budgets out (SwS, categories and concept extraction).

Each failed problem is one call. Lists are read as JSON or as lines between tags, never evaluated. A budget
goes to the categories by their failure rates, and no category gets more than its concepts bear. Where they
bear none only because few problems were failed, a combination may have more concepts of one of them.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from synth.config import RunConfig, TargetsConfig
from synth.errors import ConfigError, NothingFailed
from synth.graph.capacity import supports
from synth.graph.names import canonical
from synth.graph.pool import units_of
from synth.ids import content_id, digest
from synth.prompts.replies import Unparseable
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.stages.concepts import MOST_CHARS, concept_name
from synth.stages.orders import copied_order
from synth.sws.categories import budgets

Row = dict[str, Any]
STAGE = "targets"


def find_targets(weaknesses: pa.Table, categories: pa.Table, config: RunConfig, services: Services) -> Output:
    """Concepts of the failed problems, and what each category is to have.

    Raises:
        NothingFailed: there is nothing to aim at; told before any call.
        ConfigError: there are concepts, and no category has enough of them for a single combination.
    """
    failed = failed_problems(weaknesses)
    if not failed:
        raise NothingFailed(
            f"weakness: none of {weaknesses.num_rows:,} problems is failed by"
            f" `{weaknesses['definition'][0].as_py()}`; widen the thresholds in [weakness], or give logs of"
            " harder problems."
        )
    asked, beyond = _chosen(failed, config)
    listed: list[Row] = []
    rejected = [_not_sampled(row, config) for row in beyond]
    for answered in list_all(asked, config, services):
        found, fallen = read_list(answered, failed[answered.ask.row_id], config)
        listed += found
        rejected += fallen
    shares = _budgets(categories, listed, config)
    _say(shares, config, services)
    return Output(
        tables={
            "problem_concepts": make_table("problem_concepts", listed),
            "budgets": make_table("budgets", shares),
        },
        inputs=frozenset(failed),
        parents=frozenset(row["problem_id"] for row in listed),
        rejected=rejected,
    )


def failed_problems(weaknesses: pa.Table) -> dict[str, Row]:
    """The weaknesses by problem, in the order of ids."""
    columns = ["problem_id", "problem", "category", "source"]
    rows = weaknesses.filter(pc.field("is_weakness")).select(columns).to_pylist()
    return {row["problem_id"]: row for row in rows}


def _chosen(failed: Mapping[str, Row], config: RunConfig) -> tuple[list[Row], list[Row]]:
    """The problems that are asked of, in the order of ids, and those beyond the limit."""
    most = config.targets.most_problems or len(failed)
    drawn = sorted(failed, key=lambda name: digest(config.seed, STAGE, name))
    return [failed[name] for name in sorted(drawn[:most])], [failed[name] for name in sorted(drawn[most:])]


def _not_sampled(row: Row, config: RunConfig) -> Rejected:
    detail = f"targets.most_problems asks of {config.targets.most_problems:,} failed problems"
    return Rejected(row["problem_id"], row["source"], "not_sampled", detail, None, row)


def list_all(rows: list[Row], config: RunConfig, services: Services) -> Iterator[Answered]:
    """One call for each problem, in the order given."""
    prompt = services.prompts.get(config.prompts.problem_concepts)
    most = config.targets.concepts
    asks = [
        Ask(row["problem_id"], prompt, {**{k: row[k] for k in ("problem", "category")}, "most": most})
        for row in rows
    ]
    yield from ask_all(asks, STAGE, "extractor", config.prompts.concepts_sampling, config, services)


def read_list(answered: Answered, problem: Row, config: RunConfig) -> tuple[list[Row], list[Rejected]]:
    """Concepts of one reply, and what of it was rejected; without any, the problem itself."""
    problem_id = problem["problem_id"]
    if fault := answered.fault():
        return [], [answered.reject(problem_id, problem["source"], *fault)]
    try:
        names: list[str] = getattr(answered.parse_one(), "concepts")  # noqa: B009
    except Unparseable as fault:
        return [], [answered.reject(problem_id, problem["source"], "unparseable", str(fault))]
    kept: dict[str, Row] = {}
    rejected = []
    for rank, surface in enumerate(names):
        name = concept_name(surface, config.concepts)
        if reason := _fault(rank, name, surface, problem, config):
            failed = content_id("failed", problem_id, answered.reply.call_id, rank)
            rejected.append(answered.reject(failed, problem_id, reason, surface[:MOST_CHARS]))
        else:
            row = _listed(answered, problem, name, surface, rank)
            kept.setdefault(row["concept_id"], row)
    if not kept:
        detail = f"{len(names)} concepts named, none of them usable"
        return [], [answered.reject(problem_id, problem["source"], "no_concepts", detail)]
    return list(kept.values()), rejected


def _fault(rank: int, name: str, surface: str, problem: Row, config: RunConfig) -> str | None:
    if not name:
        return "empty"
    if rank >= config.targets.concepts:
        return "surplus"
    if len(name.split()) > config.concepts.max_words or len(name) > MOST_CHARS:
        return "too_long"
    # A name goes into later prompts, where nothing would delimit an order that the problem gave.
    if copied_order(surface, [problem["problem"]]):
        return "instruction"
    # The category is no concept: every combination of it would hold it.
    return "too_broad" if canonical(name) == canonical(problem["category"]) else None


def _listed(answered: Answered, problem: Row, name: str, surface: str, rank: int) -> Row:
    concept_id = content_id("con", "key_concept", name)
    return {
        "listed_id": content_id("lst", problem["problem_id"], concept_id),
        "problem_id": problem["problem_id"],
        "category": problem["category"],
        "concept_id": concept_id,
        "name": name,
        "surface": surface.strip(),
        "rank": rank,
        **answered.columns,
    }


def lists_of(listed: list[Row]) -> dict[str, dict[str, list[str]]]:
    """Category -> problem -> concept ids."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in listed:
        found.setdefault(row["category"], {}).setdefault(row["problem_id"], []).append(row["concept_id"])
    return found


class _Pool(NamedTuple):
    """What the concepts of a category bear, and how many of them one problem may give; 0: any number."""

    concepts: int
    bears: int
    most_from_one: int

    @classmethod
    def of(cls, lists: Mapping[str, list[str]], config: TargetsConfig) -> "_Pool":
        units = units_of(lists)
        asked = config.most_from_one if config.mode == "normalised" else 0
        # From `size` on there is no limit.
        for most in range(asked, config.size) if asked else (0,):
            if bears := supports(units, config.size, most).supports:
                return cls(len(units.concepts), bears, most)
        bears = supports(units, config.size).supports
        return cls(len(units.concepts), bears, config.size if bears and asked else asked)


def _budgets(categories: pa.Table, listed: list[Row], config: RunConfig) -> list[Row]:
    """The budget by failure rates; a category whose failed problems gave no concept gets nothing."""
    targets, lists = config.targets, lists_of(listed)
    rows = {row["category"]: row for row in categories.to_pylist()}
    pools = {name: _Pool.of(lists.get(name, {}), targets) for name in rows}
    walked = targets.sampler == "graph_walk"
    caps = {name: targets.budget if walked and lists.get(name) else pools[name].bears for name in rows}
    counts = {name: (row["failed"], row["problems"]) for name, row in rows.items()}
    shares = budgets(counts, targets.budget, caps)
    return [
        {
            "category": name,
            "problems": counts[name][1],
            "failed": counts[name][0],
            "listed": len(lists.get(name, {})),
            "concepts": pools[name].concepts,
            "supports": None if walked else pools[name].bears,
            "most_from_one": None if walked else pools[name].most_from_one or None,
            "share": float(Fraction(found.share)),
            "budget": found.budget,
            "capped": found.capped,
        }
        for name, found in shares.items()
    ]


def _say(shares: list[Row], config: RunConfig, services: Services) -> None:
    """What keeps the budget from following the rates alone.

    Raises:
        ConfigError: there is no combination, although there are concepts.
    """
    targets = config.targets
    given, concepts = (sum(row[name] for row in shares) for name in ("budget", "concepts"))
    if concepts and not given:
        raise ConfigError(
            f"targets: no category has the {targets.size} concepts of a combination; the failed problems of"
            f" one have {max(row['concepts'] for row in shares)} at most. Lower targets.size, raise"
            " targets.concepts, or give logs with more failed problems."
        )
    failed = [row for row in shares if row["failed"]]
    none = [row["category"] for row in failed if row["concepts"] and not row["budget"] and row["capped"]]
    if none:
        services.say(
            f"No combination of {', '.join(none)}: the failed problems there have fewer concepts together"
            f" than the {targets.size} of one (targets.size)."
        )
    freed = [row["category"] for row in failed if (row["most_from_one"] or 0) > targets.most_from_one]
    if freed:
        services.say(
            f"Combinations of {', '.join(freed)} may have more than {targets.most_from_one} concepts of one"
            " failed problem (targets.most_from_one): so few are failed there that else there would be none."
        )
    if capped := [
        f"{row['category']} {row['budget']:,}" for row in failed if row["capped"] and row["budget"]
    ]:
        services.say(
            f"Capped, as their concepts bear no more: {', '.join(capped)}; {given:,} of {targets.budget:,}"
            " combinations are given out."
        )
