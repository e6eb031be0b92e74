"""Near-duplicates and contamination, on made-up word problems."""

from random import Random

from benchmarks.measure import Figure, interleaved
from synth.dedup.benchmarks import Item
from synth.dedup.contamination import Decontaminator
from synth.dedup.near import find_pairs

ROWS = 2_000
NAMES = "Ada Ben Cleo Dan Eva Finn Gus Hana Ida Jon".split()
THINGS = "apples books coins drums eggs flags gloves hats inks jars".split()
FRAMES = (
    "{a} has {x} {s} and gives {y} of them to {b}. How many {s} are left, and what share of the {x} is that?",
    "A shop sells {s} for {x} cents each. {a} pays with {y} notes and gets change. How much change does {b} count?",
    "On a train {a} reads {x} pages an hour and {b} reads {y}. After how many hours have they read as many {s}?",
)


def questions(count: int) -> list[str]:
    """Word problems of about twenty-five words, about a tenth of them near-duplicates of one another."""
    rng = Random(5)
    return [
        rng.choice(FRAMES).format(
            a=rng.choice(NAMES),
            b=rng.choice(NAMES),
            s=rng.choice(THINGS),
            x=rng.randrange(999),
            y=rng.randrange(99),
        )
        for _ in range(count)
    ]


def figures() -> list[Figure]:
    """CPU for each row."""
    rows = questions(ROWS)
    items = [Item("made-up", str(place), text) for place, text in enumerate(questions(500))]
    decontaminator = Decontaminator(items)
    return [
        *interleaved("pairs", ROWS, {"near-duplicate pairs": lambda: find_pairs(rows, 3, 128, 25, 5, 0.7)}),
        *interleaved(
            "contamination", ROWS, {"contamination": lambda: [decontaminator.check(row) for row in rows]}
        ),
    ]
