"""`synth export` with rollouts, of a file and of a run; and with forms of another package."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from synth.errors import ConfigError, StoreError
from synth.export import Options, added, export
from synth.store import FileRecord, Manifest, PartRecord
from synth.writing import sha256_of
from tests.rollouts.tables import of, row

Synth = Callable[..., Result]


def questions(run: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(run / "dataset" / "questions").to_pylist())


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def attempts(run: Path, kinds: str = "rwwr") -> pa.Table:
    """Rollouts of each question of a run."""
    texts = [(q["id"], q["question"], q["label"]) for q in questions(run)]
    return of(
        [
            row(i, n, kind, problem=text, label=label)
            for i, text, label in texts
            for n, kind in enumerate(kinds)
        ]
    )


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A run whose stage `difficulty` wrote rollouts."""
    folder = shutil.copytree(finished, tmp_path / "runs" / "tried")
    path = folder / "09_difficulty" / "part-00000.parquet"
    path.parent.mkdir()
    table = attempts(finished)
    pq.write_table(table, path)
    file = FileRecord(
        table="rollouts",
        path=path.relative_to(folder).as_posix(),
        rows=table.num_rows,
        sha256=sha256_of(path),
    )
    part = PartRecord(index=0, key="k", inputs=1, parents=1, rejected=0, reasons={}, files=(file,))
    manifest = Manifest(
        stage="difficulty", fingerprint="f", made_from={}, inputs=1, parents=1, outputs={"rollouts": table.num_rows},
        rejected=0, reasons={}, reused=0, parts=(part,),
    )  # fmt: skip
    (path.parent / "_manifest.json").write_text(manifest.model_dump_json())
    return folder


def test_pairs_of_a_run_with_rollouts(synth: Synth, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs.jsonl"
    done = synth("export", run, "--format", "dpo", "--out", out, "--keep", "sources", "--per-problem", "1")
    assert done.exit_code == 0, done.output
    asked = {q["question"]: q["sources"] for q in questions(run)}
    pairs = lines(out)
    assert len(pairs) == len(asked)
    for pair in pairs:
        assert pair["sources"] == asked[pair["prompt"][0]["content"]]
        assert (pair["chosen"][0]["content"][-1], pair["rejected"][0]["content"][-1]) == ("r", "w")


def test_pairs_can_be_traced(synth: Synth, run: Path, tmp_path: Path) -> None:
    keep = ("problem_id", "chosen_id", "rejected_id")
    export(run, "dpo", tmp_path / "p.jsonl", options=Options(keep=keep, per_problem=1))
    pair = lines(tmp_path / "p.jsonl")[0]
    assert pair["problem_id"] in {q["id"] for q in questions(run)}
    shown = synth("explain", run, pair["rejected_id"])
    assert shown.exit_code == 0, shown.output
    assert f"rollout {pair['rejected_id']}" in shown.stdout and "correct: False" in shown.stdout


def test_rl_without_labels_says_what_is_missing(synth: Synth, tmp_path: Path) -> None:
    file, out = tmp_path / "r.jsonl", tmp_path / "x.jsonl"
    rows = [
        {"problem_id": p, "problem": f"{p}?", "response": "1", "correct": n == 0}
        for p in "ab"
        for n in (0, 1)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = synth("export", "--rollouts", file, "--format", "rl", "--out", out)
    assert done.exit_code == 2
    assert "rl without a run needs the column `label`" in done.stderr and done.stderr.count("\n") == 1
    for labelled in rows[:2]:
        labelled["label"] = "1"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = synth("export", "--rollouts", file, "--format", "rl", "--out", out)
    assert done.exit_code == 0, done.output
    assert "Wrote 1 row" in done.stdout and "Left out 1: no label" in done.stdout


def test_the_rollouts_of_another_run_are_named_by_its_folder(run: Path, tmp_path: Path) -> None:
    options = Options(rollouts=run, max_pass_rate=0.5)
    assert export(run, "rl", tmp_path / "x.jsonl", options=options).rows == len(questions(run))


def test_the_lines_for_a_notebook_run(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()
    (code,) = re.findall(r"```python\n(from synth.export.sources import .*?)```", page, re.DOTALL)
    shutil.copytree(run, tmp_path / "data" / "runs" / "mine")
    rows = attempts(run).to_pylist()
    (tmp_path / "rollouts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["balanced"].num_rows == len(rows)
    assert names["kept"].to_pylist() == [True] * len(questions(run))


def test_a_run_without_rollouts_says_what_is_missing(synth: Synth, finished: Path, tmp_path: Path) -> None:
    done = synth("export", finished, "--format", "dpo", "--out", tmp_path / "x.jsonl")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "--rollouts FILE" in done.stderr
    assert not (tmp_path / "x.jsonl").exists()


def test_damaged_rollouts_of_a_run(run: Path, tmp_path: Path) -> None:
    (run / "09_difficulty" / "part-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(StoreError, match="rollouts of .* is damaged"):
        export(run, "dpo", tmp_path / "x.jsonl")


def test_only_problems_of_the_run(synth: Synth, finished: Path, tmp_path: Path) -> None:
    stranger = of([row("q_else", 0, "r"), row("q_else", 1, "w")])
    pq.write_table(pa.concat_tables([attempts(finished, "rr"), stranger]), tmp_path / "r.parquet")
    done = synth(
        "export",
        finished,
        "--format",
        "sft",
        "--rollouts",
        tmp_path / "r.parquet",
        "--out",
        tmp_path / "x.parquet",
    )
    assert done.exit_code == 0, done.output
    assert "Left out 1: a problem that the dataset does not hold" in done.stdout
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 2 * len(questions(finished))


def test_parquet_carries_where_it_comes_from(finished: Path, tmp_path: Path) -> None:
    export(finished, "rl", tmp_path / "x.parquet", options=Options(keep=("sources", "model")))
    schema = pq.read_schema(tmp_path / "x.parquet")
    assert schema.metadata[b"synth.recipe"] == b"synthllm-recommended"
    assert schema.names[-2:] == ["sources", "model"]


def test_rows_as_they_are_can_be_split(finished: Path, tmp_path: Path) -> None:
    for form in ("jsonl", "parquet"):
        done = export(finished, form, tmp_path / form, options=Options(test_share=0.3))
        assert [path.name for path in done.files] == [f"train.{form}", f"test.{form}"]
        assert done.rows == len(questions(finished))
    train = pq.read_table(tmp_path / "parquet" / "train.parquet")
    assert train.to_pylist() == lines(tmp_path / "jsonl" / "train.jsonl")


@pytest.mark.parametrize("missing", ["--format", "--out"])
def test_what_has_to_be_named(synth: Synth, finished: Path, missing: str) -> None:
    named = {"--format": "sft", "--out": "x.jsonl"}
    del named[missing]
    done = synth("export", finished, *(word for pair in named.items() for word in pair))
    assert done.exit_code == 2
    assert missing in done.stderr


MODULE = """
from synth.export import Exporter, LeftOut

def questions_only(row, options):
    if row["index"] == 1:
        raise LeftOut("the second")
    return {"id": row["id"], "q": row["question"], "tag": options.system}

def breaks(row, options):
    return {"x": row["nothing"]}

def nothing(row, options):
    return None

def odd(row, options):
    return {"x": {1}}

def kto(row, options):
    return {"id": row["id"], "better": row["chosen"]}

pairs_only = Exporter(kto, "pairs")
number = 7
"""
FORMS = ("questions_only", "breaks", "nothing", "odd", "pairs_only", "number", "missing", "sft")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    info = tmp_path / "site" / "forms-1.dist-info"
    info.mkdir(parents=True)
    (info.parent / "their_forms.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: forms\nVersion: 1\n")
    points = "".join(f"{name} = their_forms:{name}\n" for name in FORMS)
    (info / "entry_points.txt").write_text(f"[synth.exporters]\n{points}")
    monkeypatch.syspath_prepend(str(info.parent))
    added.added.cache_clear()
    yield
    added.added.cache_clear()


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_form_of_another_package(package: None, finished: Path, tmp_path: Path, kind: Any) -> None:
    options = Options(system="s", keep=("sources",), kind=kind)
    done = export(finished, "questions_only", tmp_path / "new", options=options)
    assert done.path.name == f"done-questions_only.{kind}"
    # What is left out takes no place, so no second row ever comes.
    assert (done.rows, done.left_out) == (1, {"the second": len(questions(finished)) - 1})
    made = lines(done.path) if kind == "jsonl" else pq.read_table(done.path).to_pylist()
    first = questions(finished)[0]
    assert made == [{"id": first["id"], "q": first["question"], "tag": "s", "sources": first["sources"]}]


def test_a_form_of_pairs(package: None, run: Path, tmp_path: Path) -> None:
    assert all(r["better"].endswith("r") for r in lines(export(run, "pairs_only", tmp_path / "x.jsonl").path))


@pytest.mark.parametrize(
    ("form", "error", "words"),
    [
        ("breaks", StoreError, "fails on the row .*KeyError"),
        ("nothing", StoreError, "made no row of .* but NoneType"),
        ("odd", StoreError, "cannot be written as JSON"),
        ("number", ConfigError, "no function but int"),
        ("missing", ConfigError, "cannot be loaded"),
        ("unknown", ConfigError, "use one of sft, .*, parquet, breaks"),
    ],
)
def test_faults_of_other_packages(
    package: None, finished: Path, tmp_path: Path, form: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        export(finished, form, tmp_path / "x.jsonl")
    assert not (tmp_path / "x.jsonl").exists()


def test_ours_come_before_those_of_others(package: None, finished: Path, tmp_path: Path) -> None:
    assert set(lines(export(finished, "sft", tmp_path / "x.jsonl").path)[0]) == {"id", "messages"}
