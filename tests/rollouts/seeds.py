"""Seed problems for tests: of two subjects, each with the answer that the fake model takes for right."""

import gzip
import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]
SUBJECTS = ("Geometry", "number theory")
EACH = 6


def seed(place: int, subject: str) -> Row:
    """Three numbers: the fake model multiplies the first two and adds the third."""
    a, b, c = place + 2, place + 3, place + 5
    text = (
        f"In {subject.lower()}, {a} boxes hold {b} balls each and {c} lie beside. How many balls are there?"
    )
    return {"question": text, "answer": a * b + c, "category": subject}


ROWS = [seed(place, subject) for place in range(EACH) for subject in SUBJECTS]


def put(folder: Path, rows: list[Row] | str = ROWS, name: str = "seeds.jsonl") -> Path:
    """A file of JSON Lines, packed where its name says so."""
    text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path
