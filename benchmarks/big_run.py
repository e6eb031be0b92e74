"""A run of any size for the viewer: the tables and manifests of one, filled with made-up rows, without any call.

Rows are found back all the way: dataset, questions, answers, combinations, passages, mentions, concepts.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from synth.schemas import TABLES, main_table
from synth.settings import anchored, load, to_toml
from synth.store import FileRecord, PartRecord, StageStore, write_table
from synth.writing import write_bytes, write_json

PART = 10_000
FORMULAS = (
    r"$x^2 + {a}x = {b}$", r"\( \frac{{{a}}}{{{b}}} \)", r"$$\int_0^{{{a}}} t^{{{c}}}\,dt = {b}$$",
    r"$\sqrt{{{a} + {b}}}$", r"\[ \sum_{{k=1}}^{{{a}}} k^{c} \]",
)  # fmt: skip
WORDS = tuple(
    "energy motion velocity slope area volume mass charge rate ratio angle circle prime factor limit series "
    "matrix vector field wave force torque heat work power gas mole acid base cell enzyme gene orbit lens".split()
)
RARE = "xylograph"


def make(runs: Path, name: str, rows: int) -> Path:
    """Write a run of so many questions; its folder."""
    folder = runs / name
    config = load("synthllm-recommended", [str(runs)], "fake")
    write_bytes(folder / "run.toml", to_toml(anchored(config)).encode())
    passages = max(20, rows // 50)
    concepts = [f"{a} {b}" for a in WORDS for b in WORDS if a < b][: min(600, passages)]
    stages: dict[str, dict[str, Iterator[dict[str, Any]]]] = {
        "documents": {"documents": _documents(passages // 4), "passages": _passages(passages, concepts)},
        "concepts": {"mentions": _mentions(passages, concepts)},
        "graph": {"concepts": _concepts(concepts, passages), "incidence": _incidence(passages, concepts)},
        "combinations": {"combinations": _combinations(rows, passages, concepts)},
        "questions": {"questions": _questions(rows, passages, concepts)},
        "answers": {"answers": _answers(rows)},
        "dataset": {"dataset": _dataset(rows, passages, concepts)},
    }
    for stage, tables in stages.items():
        _stage(folder, stage, tables)
    published = folder / "dataset" / "questions" / "train-00000-of-00001.parquet"
    parts = [
        pa.Table.from_pylist(p, schema=TABLES["dataset"].schema)
        for p in _parts(_dataset(rows, passages, concepts))
    ]
    write_table(published, pa.concat_tables(parts))
    write_json(folder / "dataset" / "stats.json", {"rows": rows, "sources": passages // 4})
    return folder


def _stage(folder: Path, stage: str, tables: dict[str, Iterator[dict[str, Any]]]) -> None:
    store = StageStore(folder, stage)
    records = []
    for table, found in tables.items():
        base = store.folder if table == main_table(stage) else store.folder / table
        for index, part in enumerate(_parts(found)):
            path = base / f"part-{index:05d}-made.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_table(path, pa.Table.from_pylist(part, schema=TABLES[table].schema))
            file = FileRecord(
                table=table, path=path.relative_to(folder).as_posix(), rows=len(part), sha256=""
            )
            records.append(
                PartRecord(
                    index=len(records),
                    key="made",
                    inputs=len(part),
                    parents=len(part),
                    rejected=0,
                    reasons={},
                    files=(file,),
                )
            )
    store.commit("made", {"before": {}, "settings": {}, "prompts": {}, "models": {}}, records, 0)


def _parts(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    for row in rows:
        part.append(row)
        if len(part) == PART:
            yield part
            part = []
    if part:
        yield part


def _id(kind: str, number: int) -> str:
    return f"{kind}_{number:024x}"


def _call(number: int, prompt: str) -> dict[str, Any]:
    return {"call_id": _id("call", number), "prompt_id": prompt, "prompt_sha": "0" * 64, "model": "made-up"}


def _documents(count: int) -> Iterator[dict[str, Any]]:
    for i in range(count):
        yield {
            "document_id": _id("doc", i), "source": f"book-{i:05d}.md", "title": f"Chapter {i}", "language": "en",
            "licence": "CC-BY-4.0", "url": None, "date": None, "format": "markdown", "sha256": "0" * 64,
            "cluster_id": _id("doc", i), "similarity": None, "chars": 1000, "text": "See its passages.",
        }  # fmt: skip


def _passages(count: int, concepts: list[str]) -> Iterator[dict[str, Any]]:
    for i in range(count):
        named = _of_passage(i, concepts)
        text = " ".join(
            f"Here {name} is explained in a sentence of its own. Then comes another one." for name in named
        )
        yield {
            "passage_id": _id("psg", i), "document_id": _id("doc", i // 4), "source": f"book-{i // 4:05d}.md",
            "title": f"Chapter {i // 4}", "language": "en", "licence": "CC-BY-4.0", "cluster_id": _id("doc", i // 4),
            "position": i % 4, "start": 0, "end": len(text), "score": None, "rating": None, "rater": None,
            "rubric": None, "text": text,
        }  # fmt: skip


def _of_passage(number: int, concepts: list[str]) -> list[str]:
    others = random.Random(number).sample(concepts, 5)
    return list(dict.fromkeys([concepts[number % len(concepts)], *others]))[:5]  # each concept is somewhere


def _mentions(count: int, concepts: list[str]) -> Iterator[dict[str, Any]]:
    place = {name: i for i, name in enumerate(concepts)}
    for i in range(count):
        for rank, name in enumerate(_of_passage(i, concepts)):
            yield {
                "mention_id": _id("men", 5 * i + rank), "passage_id": _id("psg", i), "concept_id": _id("con", place[name]),
                "kind": "key_concept", "name": name, "surface": name, "topic_id": None, "rank": rank,
                **_call(i, "concepts.v1"),
            }  # fmt: skip


def _concepts(concepts: list[str], passages: int) -> Iterator[dict[str, Any]]:
    for i, name in enumerate(concepts):
        yield {
            "concept_id": _id("con", i), "kind": "key_concept", "name": name, "surfaces": [name],
            "passages": passages * 5 // len(concepts), "documents": passages // len(concepts), "degree": 5,
        }  # fmt: skip


def _incidence(count: int, concepts: list[str]) -> Iterator[dict[str, Any]]:
    place = {name: i for i, name in enumerate(concepts)}
    for i in range(count):
        ids = sorted(_id("con", place[name]) for name in _of_passage(i, concepts))
        yield {
            "passage_id": _id("psg", i),
            "cluster_id": _id("doc", i // 4),
            "topics": [],
            "key_concepts": ids,
        }


def _combinations(rows: int, passages: int, concepts: list[str]) -> Iterator[dict[str, Any]]:
    place = {name: i for i, name in enumerate(concepts)}
    for i in range(rows):
        names = sorted(_of_passage(i % passages, concepts)[:3])
        ids = [_id("con", place[name]) for name in names]
        yield {
            "combination_id": _id("cmb", i), "level": "level3", "sampler": "made up", "start_id": ids[0], "topics": [],
            "key_concepts": ids, "names": names,
            "walk": [{"phase": "key_concept", "concept_id": id, "passage_id": _id("psg", i % passages)} for id in ids],
            "references": [_id("psg", i % passages)], "scores": [0.5],
        }  # fmt: skip


def _text(number: int) -> str:
    draw = random.Random(number)
    formula = draw.choice(FORMULAS).format(
        a=draw.randint(2, 99), b=draw.randint(2, 999), c=draw.randint(2, 5)
    )
    told = " ".join(draw.choices(WORDS, k=45))
    rare = f" {RARE}" if number % 100_003 == 7 else ""
    return f"Given {formula}, where {told}{rare}, find the value for {number}."


def _questions(rows: int, passages: int, concepts: list[str]) -> Iterator[dict[str, Any]]:
    for i in range(rows):
        yield {
            "question_id": _id("q", i), "combination_id": _id("cmb", i), "origin": f"level{i % 3 + 1}",
            "question": _text(i), "concepts": sorted(_of_passage(i % passages, concepts)[:3]),
            "references": [_id("psg", i % passages)], "difficulty": "college", "source_kind": "new", "language": "en",
            "sample": 0, "place": 0, **_call(i, "level3.v1"),
        }  # fmt: skip


def _answers(rows: int) -> Iterator[dict[str, Any]]:
    for i in range(rows):
        row = dict.fromkeys(TABLES["answers"].schema.names)
        yield row | {
            "answer_id": _id("ans", i), "question_id": _id("q", i), "sample": 0, "answer": 3 * f"{_text(i)} ",
            "final_answer": str(i), "mode": "single", "samples": 1, **_call(rows + i, "answer.v1"),
        }  # fmt: skip


def _dataset(rows: int, passages: int, concepts: list[str]) -> Iterator[dict[str, Any]]:
    for i in range(rows):
        draw = random.Random(-i)
        yield {
            "id": _id("q", i), "question": _text(i), "answer": 3 * f"{_text(i)} ", "label": str(i),
            "origin": f"level{i % 3 + 1}", "concepts": sorted(_of_passage(i % passages, concepts)[:3]),
            "sources": [f"book-{(i % passages) // 4:05d}.md"], "licences": ["CC-BY-4.0"], "model": "made-up",
            "answer_model": "made-up", "language": "en", "domain": ("mathematics", "physics", "chemistry")[i % 7 % 3],
            "difficulty": ("high school", "college", "competition")[i % 11 % 3], "answer_mode": "vote",
            "agreement": draw.choice((0.5, 0.625, 0.75, 0.875, 1.0)), "verdict": "perfect", "well_posed": "well_posed",
            "pass_rate": draw.randint(0, 8) / 8, "nearest_jaccard": draw.random() / 2, "source_overlap": draw.random(),
            "benchmark_overlap": 0.0, "combination_id": _id("cmb", i), "passage_ids": [_id("psg", i % passages)],
            "prompt_id": f"level{i % 3 + 1}.v1", "prompt_sha": "0" * 64, "call_id": _id("call", i),
            "answer_call_id": _id("call", rows + i),
        }  # fmt: skip
