import json
from pathlib import Path

import pytest

from synth.config import LicencesConfig, RunConfig
from synth.documents.licences import Cards, Licences
from synth.documents.readers import read
from synth.documents.shelf import Shelf
from synth.documents.survey import survey
from synth.errors import StoreError
from tests.documents.tools import CONFIG, PROSE, Run, fault, lines, one, put

CARD = "---\nlicense: cc-by-sa-4.0\ntask_categories:\n- text-generation\n---\n\n# A data set\n"


@pytest.mark.parametrize(
    ("licence", "allow", "allowed"),
    [
        ("MIT", (), True),
        (None, (), True),
        ("mit", ("MIT",), True),
        ("CC BY-SA 4.0", ("cc-by-sa-4.0",), True),
        ("CC BY-NC 4.0", ("cc-by-sa-4.0",), False),
        (None, ("MIT",), False),
        (None, ("MIT", "unknown"), True),
    ],
)
def test_allowed_licences(licence: str | None, allow: tuple[str, ...], allowed: bool) -> None:
    assert Licences(LicencesConfig(allow=allow)).allows(licence) is allowed


def test_stated_licences_hold_where_a_source_states_none() -> None:
    licences = Licences(LicencesConfig(stated={"wiki/*.md": "CC0", "*": "MIT"}))
    assert licences.of("wiki/a.md", None) == "CC0"
    assert licences.of("other/a.md", None) == "MIT"
    assert licences.of("wiki/a.md", "GPL-3.0") == "GPL-3.0"
    assert Licences(LicencesConfig()).of("a.md", None) is None


def test_the_nearest_card_above_counts() -> None:
    cards = Cards()
    assert cards.of("a.jsonl#0") is None
    cards.add("README.md", "top")
    cards.add("deep/README.md", "deep")
    cards.add("deep/dataset_info.json", "second")
    found = [
        cards.of(source) for source in ("a.jsonl#0", "deep/a.jsonl#0", "deep/er/a.csv#1", "other/a.csv#1")
    ]
    assert found == ["top", "deep", "deep", "top"]


@pytest.mark.parametrize(
    ("name", "content", "licence"),
    [
        ("README.md", CARD, "cc-by-sa-4.0"),
        ("README.md", CARD.replace("license: cc-by-sa-4.0", "license:\n- mit\n- apache-2.0"), "mit, apache-2.0"),
        ("README.md", CARD.replace("license: cc-by-sa-4.0", "license: other\nlicense_name: own"), "own"),
        ("README.md", CARD.replace("license: cc-by-sa-4.0", "license: 'mit'"), "mit"),
        ("README.md", CARD.replace("license: cc-by-sa-4.0\n", ""), None),
        ("README.md", "---\nconfigs:\n- config_name: default\n  data_files: x\n---\n", None),
        ("README.md", CARD.replace("---\n\n", "x:\n" + "- name: column\n" * 9000 + "---\n\n"), "cc-by-sa-4.0"),
        ("dataset_info.json", json.dumps({"features": {}, "builder_name": "x", "license": "MIT"}), "MIT"),
        ("state.json", json.dumps({"_data_files": [], "_fingerprint": "x", "_split": None}), None),
        ("dataset_dict.json", json.dumps({"splits": ["train"]}), None),
        ("dataset_infos.json", json.dumps({"default": {"features": {}, "citation": ""}}), None),
    ],
)  # fmt: skip
def test_what_describes_a_data_set_is_no_document(
    tmp_path: Path, name: str, content: str, licence: str | None
) -> None:
    found = fault(put(tmp_path, name, content))
    assert (found.reason, found.licence) == ("no_document", licence)


@pytest.mark.parametrize(
    "content",
    [
        "---\ntitle: A post\ntags: [a]\nlicense: mit\n---\ntext",
        "---\nconfigs: none\n---\ntext",
        "task_categories: a word in a text",
        "---\ntask_categories: never closed",
    ],
)
def test_front_matter_of_documents_is_no_card(tmp_path: Path, content: str) -> None:
    assert one(put(tmp_path, "README.md", content)).text


def test_a_card_states_the_licence_of_rows_and_of_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "corpus"
    put(place, "set/README.md", CARD)
    put(
        place,
        "set/data/rows.jsonl",
        lines({"text": "Row one of the set."}, {"text": "Row two.", "license": "MIT"}),
    )
    put(place, "set/rows.csv", "text\nA row in a file of CSV.\n")
    put(place, "set/notes.md", "Notes of somebody that stand beside it.")
    put(place, "rows.jsonl", lines({"text": "A row of no set at all."}))
    made = Run(tmp_path / "stage", [place], min_chars=1)
    assert made.reasons() == {"set/README.md": "no_document"}
    assert {source: row["licence"] for source, row in made.rows("documents").items()} == {
        "set/data/rows.jsonl#0": "cc-by-sa-4.0",
        "set/data/rows.jsonl#1": "MIT",
        "set/rows.csv#0": "cc-by-sa-4.0",
        "set/notes.md": None,
        "rows.jsonl#0": None,
    }
    assert made.rows("passages")["set/rows.csv#0"]["licence"] == "cc-by-sa-4.0"


def test_licences_that_are_not_allowed_are_rejected(tmp_path: Path) -> None:
    place = tmp_path / "corpus"
    put(place, "set/README.md", CARD)
    put(
        place,
        "set/rows.jsonl",
        lines({"text": PROSE}, {"text": "Row two, and it is long enough.", "license": "MIT"}),
    )
    put(place, "wiki/a.txt", "What an encyclopedia says of limits.")
    put(place, "b.txt", "Nobody knows whose text this one is.")
    licences = {"allow": ["mit", "CC0"], "stated": {"wiki/*": "cc0"}}
    made = Run(tmp_path / "stage", [place], licences=licences)
    assert made.sources() == ["set/rows.jsonl#1", "wiki/a.txt"]
    assert made.details() == {
        "set/README.md": "the card of a data set, no document itself",
        "set/rows.jsonl#0": "cc-by-sa-4.0 is not in licences.allow",
        "b.txt": "unknown is not in licences.allow",
    }
    again = Run(tmp_path / "stage", [place])
    assert again.reported == []
    assert len(again.sources()) == 4


def test_a_card_with_hostile_lines_costs_no_time(tmp_path: Path) -> None:
    hostile = "---\n" + "a" * 500_000 + "\n" + "- " * 200_000 + "\n" + "\t" * 200_000 + "- x\n---\n"
    assert [found.reason for found in read(put(tmp_path, "a.md", hostile), CONFIG)] == [""]


def test_texts_without_a_word_are_not_alike(tmp_path: Path) -> None:
    for number, signs in enumerate(("∀∃∑∏ + − × ÷ ", "⊂⊃∪∩ = ≠ ≤ ≥ ", "... --- ")):
        put(tmp_path / "corpus", f"{number}.txt", signs * 30)
    made = Run(tmp_path / "stage", [tmp_path / "corpus"])
    assert made.reasons() == {}
    assert len(set(made.column("documents", "cluster_id"))) == 3


def test_files_that_the_shelf_lost_are_named(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    with pytest.raises(StoreError, match=r"What was read of lost\.txt is lost"):
        survey(shelf, {"0.txt": ["lost.txt"]}, RunConfig())
