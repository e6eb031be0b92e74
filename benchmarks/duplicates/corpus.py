"""A corpus of questions with known near-duplicates, as large as one likes.

In: the question sets in `SYNTH_TEST_DATA`. Out: Parquet with `id` and `text`, the same for the same seed
and number of rows. Sentences of real questions are recombined; names, numbers and a fifth of the longer
words are changed. About two rows in five are copies of an earlier row with 0 to 14 edits, in chains and in
clusters of up to 300. Rows are then shuffled.
"""

import gzip
import json
import os
import re
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SETS = ("gsm8k_test", "svamp", "aqua_test", "math_test_5000_questions", "mmlu_stem", "college_math")
BLOCK = 10_000
COPIES = 0.4
WORDS = (30, 100)
NAMES = "Ada Ben Cleo Dan Eva Finn Gus Hana Ida Jon Kim Lea Max Nia Oto Pia Quin Ravi Sam Tess".split()
_SENTENCE = re.compile(r"(?<=[.?!])\s+")
_NAME = re.compile(r"^[A-Z][a-z]{2,}$")


def sentences() -> list[list[str]]:
    """The sentences of the real questions, as words."""
    folder = Path(os.environ["SYNTH_TEST_DATA"], "benchmarks")
    found: set[str] = set()
    for name in SETS:
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                text = row.get("question") or row.get("problem") or row.get("Body") or row.get("body") or ""
                found.update(_SENTENCE.split(text))
    return [words for one in sorted(found) if 4 <= len(words := one.split()) <= 40]


def corpus(rows: int, seed: int = 1) -> list[str]:
    """The texts, shuffled."""
    real = sentences()
    long = sorted({word for words in real for word in words if len(word) > 4 and word.isalpha()})
    texts: list[str] = []
    for block in range(0, rows, BLOCK):
        rng = Random(f"{seed} {block}")
        texts.extend(_block(rng, min(BLOCK, rows - block), real, long))
    order = np.random.Generator(np.random.PCG64(seed)).permutation(rows)
    return [texts[place] for place in order]


def write(path: Path, rows: int, seed: int = 1) -> Path:
    """The corpus as a file, unless it is there already."""
    if not path.is_file():
        texts = corpus(rows, seed)
        ids = [f"q{place:08d}" for place in range(rows)]
        path.parent.mkdir(parents=True, exist_ok=True)
        other = path.with_suffix(".part")
        pq.write_table(pa.table({"id": ids, "text": texts}), other, compression="zstd", row_group_size=BLOCK)
        other.replace(path)
    return path


def _block(rng: Random, rows: int, real: list[list[str]], long: list[str]) -> list[str]:
    made: list[list[str]] = []
    popular: list[list[str]] = []
    for _ in range(rows):
        if made and rng.random() < COPIES:
            # One copy in five is of a popular row: those make the large clusters.
            words = rng.choice(popular) if popular and rng.random() < 0.2 else rng.choice(made)
            made.append(_edited(rng, words, long))
        else:
            made.append(_new(rng, real, long))
            if rng.random() < 0.002:
                popular.append(made[-1])
    return [" ".join(words) for words in made]


def _new(rng: Random, real: list[list[str]], long: list[str]) -> list[str]:
    target = rng.randint(*WORDS)
    words: list[str] = []
    while len(words) < target:
        words.extend(rng.choice(real))
    return [_changed(rng, word, long) for word in words]


def _changed(rng: Random, word: str, long: list[str]) -> str:
    if word.isdigit():
        return str(rng.randrange(2, 10 ** min(len(word) + 1, 4)))
    if len(word) > 4 and rng.random() < 0.22:
        return rng.choice(long)
    return rng.choice(NAMES) if _NAME.match(word) and rng.random() < 0.5 else word


def _edited(rng: Random, words: list[str], long: list[str]) -> list[str]:
    words = list(words)
    for _ in range(min(rng.randrange(15), rng.randrange(15))):
        place, kind = rng.randrange(len(words)), rng.random()
        if kind < 0.6:
            words[place] = rng.choice(long)
        elif kind < 0.8 or len(words) < 5:
            words.insert(place, rng.choice(long))
        else:
            del words[place]
    return words


def new_rows(texts: list[str], rows: int, seed: int = 2) -> list[str]:
    """Rows that come later: half of them edited copies of earlier ones, half new."""
    rng, real = Random(f"new {seed}"), sentences()
    long = sorted({word for words in real for word in words if len(word) > 4 and word.isalpha()})
    made = (
        _edited(rng, rng.choice(texts).split(), long) if place % 2 else _new(rng, real, long)
        for place in range(rows)
    )
    return [" ".join(words) for words in made]
