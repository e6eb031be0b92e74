"""Contamination: what each tier finds of copies, variants and paraphrases, what it takes for one, and its speed.

On the benchmarks of `SYNTH_TEST_DATA`. Strangers are other sets, which may truly overlap: `--show` prints
each such pair for a person to look at, and `NOTED` says what was seen.
"""

import argparse
import gzip
import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from synth.dedup.benchmarks import Item
from synth.dedup.contamination import Decontaminator, Hit
from synth.dedup.paraphrases import Paraphrases
from synth.dedup.reader import Reader
from synth.dedup.tiers import Settings, Tiers
from synth.llm.embeddings import embed_offline

HEADS = ("what", "rows", "found", "by", "rows / CPU s")
KNOWN = ("gsm8k_test", "math500", "humaneval", "mmlu_stem", "college_math", "olympiadbench", "cmath", "svamp")
STRANGERS = {
    "gsm8k_test": ("gpteacher_codegen", "mathscale_math_extraction", "svamp", "aqua_test", "college_math",
                   "mmlu_stem", "olympiadbench", "humaneval", "cmath", "math_test_5000_questions"),
    "math500": ("gpteacher_codegen", "gsm8k_test", "svamp", "aqua_test", "college_math", "olympiadbench",
                "humaneval", "cmath"),
    "humaneval": ("gpteacher_codegen", "gsm8k_test", "math500", "mmlu_stem", "college_math"),
    "mmlu_stem": ("gpteacher_codegen", "gsm8k_test", "college_math", "humaneval"),
    "math_test_5000_questions": ("gpteacher_codegen", "gsm8k_test", "college_math", "olympiadbench"),
}  # fmt: skip
ROUNDS = 3
_LETTERS = {"\\times": "×", "\\le ": "≤ ", "\\ge ": "≥ ", "\\pi": "π", "\\theta": "θ"}


class Line(NamedTuple):
    """One row of the table; `found` is a share, `speed` rows for each second of CPU."""

    what: str
    rows: int
    found: float | None
    by: str
    speed: float | None

    def cells(self, others: list["Line"]) -> tuple[str, ...]:
        """The row as text."""
        share = "" if self.found is None else f"{self.found:.2%}"
        return self.what, f"{self.rows:,}", share, self.by, "" if self.speed is None else f"{self.speed:,.0f}"


def texts_of(name: str) -> list[str]:
    """The questions of a file of the test data."""
    folder = Path(os.environ["SYNTH_TEST_DATA"])
    path = next(
        p for part in ("benchmarks", "questions") if (p := folder / part / f"{name}.jsonl.gz").exists()
    )
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row["question"] if row.get("question") else _task(row) for row in rows]


def _task(row: dict[str, str]) -> str:
    return "\n".join(part for part in (row.get("instruction"), row.get("input")) if part)


def items_of(name: str) -> list[Item]:
    """A file as items; an item's id is its place."""
    return [Item(name, str(place), text) for place, text in enumerate(texts_of(name))]


def dressed(text: str, rng: random.Random) -> str:
    """The same text in other case, spacing and LaTeX dress."""
    text = rng.choice((str.upper, str.lower, str.title, str))(text) if "\\" not in text else text
    if rng.random() < 0.5:
        text = text.replace("\\frac", "\\dfrac").replace("(", "\\left(").replace(")", "\\right)")
    elif rng.random() < 0.5:
        text = re.sub(r"\$([^$]+)\$", r"\\(\1\\)", text)
    for command, letter in _LETTERS.items() if rng.random() < 0.5 else ():
        text = text.replace(command, letter)
    spaces = rng.choice((" ", "  ", "\n", " \t"))
    text = spaces.join(text.split())
    return rng.choice(
        (text, f"  {text}  ", text.replace(", ", " , "), text.replace("$", " $ "), f"**{text}**")
    )


def swapped(text: str, rng: random.Random) -> str:
    """The same text with another number in the place of each."""

    def other(match: re.Match[str]) -> str:
        digits = match[0]
        low = 10 ** (len(digits) - 1) if len(digits) > 1 else 1
        return str(rng.choice([n for n in (rng.randrange(low, 10 ** len(digits)) for _ in range(20))
                               if str(n) != digits] or [low]))  # fmt: skip

    return re.sub(r"\d+", other, text)


def share_of(hits: Sequence[Hit | None], texts: Sequence[str]) -> float:
    """The share of texts that have any words and were found."""
    there = [hit for hit, text in zip(hits, texts, strict=True) if text.strip()]
    return sum(hit is not None for hit in there) / len(there)


def by_tier(hits: Sequence[Hit | None]) -> str:
    """How many each tier found."""
    return ", ".join(f"{tier} {count}" for tier, count in Counter(h.tier for h in hits if h).most_common())


def found_copies(name: str) -> list[Line]:
    """Copies, variants and number-swapped copies of the items of one benchmark."""
    rng = random.Random(7)
    items = items_of(name)
    tiers = Tiers(items, Settings(), embed_offline)
    numbered = [item.text for item in items if re.search(r"\d", item.text)]
    kinds = {
        "copies": [item.text for item in items],
        "case, spacing, LaTeX": [dressed(item.text, rng) for item in items],
        "other numbers": [swapped(text, rng) for text in numbered],
    }
    lines = []
    for what, texts in kinds.items():
        hits = tiers.words.check_all(texts)
        lines.append(Line(f"{name}: {what}", len(texts), share_of(hits, texts), by_tier(hits), None))
    return lines


def strangers(known: str, show: bool = False) -> list[Line]:
    """Other sets against one benchmark: what is found there is false, or a true overlap."""
    items = items_of(known)
    tiers = Tiers(items, Settings(), embed_offline)
    lines = []
    for name in STRANGERS[known]:
        texts = texts_of(name)
        hits = tiers.check_all(texts)
        lines.append(Line(f"{name} against {known}", len(texts), share_of(hits, texts), by_tier(hits), None))
        for text, hit in zip(texts, hits, strict=True):
            if show and hit:
                print(
                    f"[{name} > {known}] {hit.tier} {hit.score:.2f}\n   {_line(text)}\n   {_line(items[int(hit.item)].text)}"
                )
    return lines


def _line(text: str) -> str:
    return " ".join(text.split())[:240]


def paraphrases() -> list[Line]:
    """Rephrased problems: what words find, and what embeddings and quantities do."""
    texts = texts_of("gsm8k_test_rephrased_even")
    tiers = Tiers(items_of("gsm8k_test"), Settings(), embed_offline)
    words, hits = tiers.words.check_all(texts), tiers.check_all(texts)
    right = sum(hit is not None and hit.item == str(2 * place) for place, hit in enumerate(hits))
    return [
        Line("rephrased gsm8k_test: by words", len(texts), share_of(words, texts), by_tier(words), None),
        Line("rephrased gsm8k_test: all tiers", len(texts), share_of(hits, texts), by_tier(hits), None),
        Line("  of these, the very item", len(texts), right / len(texts), "", None),
    ]


def speeds() -> list[Line]:
    """Rows for each second of CPU, the benchmark's index not counted, every set once."""
    items = items_of("gsm8k_test") + items_of("math500")
    texts = [
        text
        for name in ("gpteacher_codegen", "svamp", "college_math", "aqua_test")
        for text in texts_of(name)
    ]
    known = Decontaminator(items)
    near = Paraphrases(known.items, embed_offline)
    reader = Reader()
    rows = reader.read(texts)
    rephrased = texts_of("gsm8k_test_rephrased_even")
    works = {
        "words, all four tiers": (texts, lambda: known.check_all(texts)),
        "  of these, texts to hashes (`Reader.read`)": (texts, lambda: reader.read(texts)),
        "  of these, the sieve": (texts, lambda: known.left(rows)),
        "paraphrases, of strangers": (texts, lambda: near.find(texts)),
        "paraphrases, where nearly all are": (rephrased, lambda: near.find(rephrased)),
    }
    best = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for what, (_, work) in works.items():
            began = time.process_time()
            work()
            best[what] = min(best[what], time.process_time() - began)
    return [Line(what, len(of), None, "", len(of) / best[what]) for what, (of, _) in works.items()]


def figures() -> list[Line]:
    """All of it; nothing where there is no test data."""
    if not os.environ.get("SYNTH_TEST_DATA"):
        return [Line("SYNTH_TEST_DATA is not set", 0, None, "", None)]
    return [
        *(line for name in KNOWN for line in found_copies(name)),
        *paraphrases(),
        *(line for name in STRANGERS for line in strangers(name)),
        *speeds(),
    ]


def main() -> None:
    """Print what was found among strangers, pair by pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", choices=STRANGERS, required=True)
    for line in strangers(parser.parse_args().show, show=True):
        print(*line.cells([]), sep="  ")


if __name__ == "__main__":
    main()
