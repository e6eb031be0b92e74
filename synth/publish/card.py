"""The data card: what the dataset is, which model wrote it, where its rows went, and whose texts it uses."""

import re
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from pathlib import PurePath
from typing import Any

import jinja2
import pyarrow as pa

from synth.config import CombinationsConfig, RunConfig, TargetsConfig
from synth.costs import Share, tokens_said
from synth.schemas import TABLES
from synth.stages.dataset import UNKNOWN_LICENCE
from synth.stages.difficulty import WORDS
from synth.target import sentence
from synth.text import counted

ORIGINS = {
    "level1": "from one passage as it is",
    "level2": "from concepts of one passage",
    "level3": "from concepts that {how}, with the passages that hold most of them",
    "targeted": "from concepts of problems that a student keeps failing",
}
HOW = {
    "graph_walk": "a walk on the graph joined",
    "uniform": "were drawn uniformly",
    "within_passage": "were drawn from one passage",
    "off": "were joined",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+!|<>~$&])")
# Viewers make links of bare addresses, however they are escaped; an invisible joiner stops them.
_ADDRESS = re.compile(r"(?:https?|ftp|mailto|javascript)(?=:)|www(?=\.)|@", re.IGNORECASE)
_JOINER = "\u2060"
_SPAN = re.compile(r"(`[^`]+`)")
_TICKS = re.compile(r"`+")


def markdown_text(value: object) -> str:
    """Text of sources and models as one harmless line of Markdown: no markup, no link, no HTML."""
    return _escaped(" ".join(str(value).split()))


def _escaped(line: str) -> str:
    line = _SIGNS.sub(r"\\\1", line).replace("\\<", "&lt;").replace("\\>", "&gt;")
    return _ADDRESS.sub(lambda found: found[0] + _JOINER, line)


def markdown_code(value: object) -> str:
    """Any text as a span of code on one line: nothing in it is markup, so nothing is escaped."""
    line = " ".join(str(value).split()) or " "
    ticks = "`" * (1 + max(map(len, _TICKS.findall(line)), default=0))
    room = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{ticks}{room}{line}{room}{ticks}"


def markdown_sentence(value: object) -> str:
    """A sentence of ours: what stands between backticks is code, all else harmless text."""
    parts = _SPAN.split(" ".join(str(value).split()))
    return "".join(part if place % 2 else _escaped(part) for place, part in enumerate(parts))


def render_card(
    config: RunConfig, stats: dict[str, Any], documents: pa.Table, picture: bool, contents: Mapping[str, str]
) -> str:
    """The dataset's README.md, with the YAML head that dataset hubs read.

    `contents` has a hash of the rows of each configuration: `load_dataset` takes a folder for one that it has
    read before where name and YAML are the same, and gives the rows of another run.
    """
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown; untrusted text goes through `md`
        keep_trailing_newline=True,
    )
    environment.filters["md"] = markdown_text
    environment.filters["code"] = markdown_code
    environment.filters["sentence"] = markdown_sentence
    environment.filters["counted"] = counted
    environment.filters["target"] = sentence
    environment.filters["percent"] = lambda share: "–" if share is None else f"{share:.1%}"
    environment.filters["tokens"] = tokens_said
    environment.filters["share"] = lambda tree: Share(**tree).said()
    template = environment.from_string(
        resources.files("synth.publish").joinpath("card.md.jinja").read_text("utf-8")
    )
    licences = Counter(licence or UNKNOWN_LICENCE for licence in documents["licence"].to_pylist())
    return template.render(
        title=config.dataset.name or f"{config.domain.capitalize()} questions ({config.recipe})",
        size=next((name for most, name in _SIZES if stats["rows"] < most), "n>1M"),
        config=config,
        stats=stats,
        costs=[cost for cost in stats["cost"] if cost["calls"] != 0],
        documents=documents.num_rows,
        picture=picture,
        contents=contents,
        demo_model=demo_model(stats["models"].get("generator", "")),
        writer=writer(stats["models"].get("generator", "")),
        origins={name: said.format(how=HOW[config.combinations.level3]) for name, said in ORIGINS.items()},
        licences=dict(sorted(licences.items())),
        departures=departures(config),
        benchmarks=[PurePath(path).name for path in config.screen.benchmarks],
        columns=TABLES["dataset"].columns,
        words=WORDS,
    )


def writer(identity: str) -> str:
    """What wrote the rows: not everything that answers is a language model."""
    return (
        "a deterministic stand-in for a language model" if identity.startswith("fake") else "a language model"
    )


def demo_model(identity: str) -> str | None:
    """One sentence where the rows were written by a model that only shows the machinery."""
    if identity.startswith("fake"):
        return "They were written by the deterministic fake model, which is no language model at all."
    if "SmolLM2-135M" in identity:
        return "They were written by SmolLM2-135M, a model of 135 million parameters that needs no network."
    return None


def departures(config: RunConfig) -> list[str]:
    """Each setting that differs from what the paper describes, in words."""
    if config.aims:
        return aimed_departures(config)
    paper = CombinationsConfig(level2="model_chooses", different_clusters=False, min_concepts=1, retries=0)
    combinations = config.combinations
    said = {
        "documents are used without a classifier's rating": config.filter.mode == "none",
        "each passage is rated by the model, without a classifier": config.filter.mode == "rate",
        "passages are rated, where the paper rates whole pages": config.filter.mode != "none",
        "one of each cluster of near-duplicate documents is read": config.documents.near_duplicates == "drop",
        "spellings of a concept are joined by canonical form": config.concepts.canonical,
        "concepts must occur in their passage": config.concepts.grounded,
        "level-2 concepts are drawn by the seed, not by the model": combinations.level2 == "code_chooses",
        "level 3 draws concepts uniformly, without the walk": combinations.level3 == "uniform",
        "level 3 draws the concepts of one passage, without the walk": combinations.level3
        == "within_passage",
        f"{combinations.epochs} epochs over the topics instead of 5": combinations.epochs != paper.epochs,
        f"level 3 stops after {combinations.max_level3} sets": combinations.max_level3 > 0,
        "the two references never come from one near-duplicate cluster": combinations.different_clusters,
        f"walks with fewer than {combinations.min_concepts} concepts are dropped": combinations.min_concepts
        > 1,
        "a set of concepts that was drawn before is drawn again": combinations.retries > 0,
        **_walks(config),
        "questions are judged before they are answered, after SwS (arXiv 2506.08989)": bool(
            config.roles.judge
        ),
        "answers are agreed on by several responses, after SwS": config.answers.mode == "vote",
        "answers are written from several drafts (GSA, arXiv 2503.04104)": config.answers.mode == "aggregate",
        "questions are kept by the pass rate of a student, after SwS (arXiv 2506.08989)": bool(
            config.roles.student and config.difficulty.keep == "band"
        ),
        "near-duplicates are found by MinHash and confirmed by exact Jaccard; no method is named": True,
    }
    return [line for line, holds in said.items() if holds]


def _walks(config: RunConfig) -> dict[str, bool]:
    """The same of the graph, its walks and the references of a set; walks count only where there are some."""
    combinations, graph = config.combinations, config.graph
    said = {
        f"names that are one concept are merged by the rule {graph.merge}": graph.merge != "off",
        f"concepts in fewer than {counted(graph.min_passages, 'passage')} are left out": graph.min_passages
        > 1,
        "references are scored by the share of the set that they hold": combinations.reference_score
        == "containment",
        "each further reference brings a concept of the set": combinations.covers_new_concept,
    }
    walks = {
        f"steps of a walk have the temperature {combinations.temperature:g} instead of 1": (
            combinations.temperature != 1
        ),
        "a walk may come to a concept again": combinations.revisits,
        f"a concept weighs in walks as if {counted(combinations.hub_cap, 'passage')} held it at most": (
            combinations.hub_cap > 0
        ),
        f"walks keep to concepts of {counted(combinations.min_passages, 'passage')} or more": (
            combinations.min_passages > 1
        ),
        f"a concept that no set has yet weighs {combinations.coverage_boost:g} times as much": (
            combinations.coverage_boost != 1
        ),
    }
    return said | (walks if combinations.level3 == "graph_walk" else {})


def aimed_departures(config: RunConfig) -> list[str]:
    """The same for SwS."""
    targets, answers = config.targets, config.answers
    paper = TargetsConfig(mode="paper")
    scored = targets.sampler == "cooccurrence_similarity"
    said = {
        "where no problem has more than one visit, those of a low pass rate count as failed": (
            config.weakness.rule == "auto"
        ),
        "problems of a low pass rate at the last visit count as failed": config.weakness.rule == "rate",
        "problems without a category share one": not config.weakness.label,
        "co-occurrence is divided by frequencies, and few concepts come from one problem": scored
        and targets.mode == "normalised",
        "concepts are scored by co-occurrence alone": scored and not targets.similarity,
        "sets are walked in the graph of documents, from weak concepts": targets.sampler == "graph_walk",
        "sets are drawn uniformly, as a control": targets.sampler == "uniform",
        f"sets have {targets.size} concepts instead of {paper.size}": targets.size != paper.size,
        "questions have passages of documents in their prompts": config.has_documents,
        "budgets are capped by what the concepts of a category bear, and no set is drawn twice": True,
        "difficulties are named in words, not by competitions": targets.difficulties == paper.difficulties,
        "questions are not judged": not config.roles.judge,
        "answers are not agreed on by several responses": answers.mode != "vote",
        "questions are kept whatever a student makes of them": not config.roles.student,
        "rows are not cut to the shares of the categories": targets.rebalance == "off",
        f"rows are cut to the shares of the categories as far as {targets.most_left_out:.0%} of them go": (
            targets.rebalance == "shares" and targets.most_left_out < 1 and not config.target.rows
        ),
        "questions that repeat a problem of the logs are left out": True,
    }
    return [line for line, holds in said.items() if holds]
