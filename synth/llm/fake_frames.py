"""Sentences of the fake model: frames whose parts are drawn so that two questions share few word triples."""

import random
import re

_PEOPLE = (
    "Amara", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kavya", "Lars",
    "Mina", "Noor", "Oskar", "Priya", "Quentin", "Rosa", "Sven", "Tala", "Umar", "Vera", "Wren", "Yusuf",
)  # fmt: skip
_PLACES = (
    "bakery", "garden", "harbour", "library", "workshop", "laboratory", "orchard", "museum", "depot",
    "clinic", "station", "theatre", "farm", "quarry", "observatory", "print shop", "dairy", "market", "mill",
)  # fmt: skip
_THINGS = (
    "crates", "tiles", "samples", "lenses", "seedlings", "tickets", "bolts", "jars", "notebooks", "batteries",
    "sensors", "barrels", "ribbons", "cables", "panels", "parcels", "beads", "bricks", "maps", "filters",
)  # fmt: skip
_UNITS = ("hours", "days", "weeks", "rounds", "shifts", "trips", "batches", "rows", "months", "sessions")
_VERBS = (
    "sorts",
    "packs",
    "measures",
    "delivers",
    "repairs",
    "paints",
    "counts",
    "tests",
    "stacks",
    "labels",
)

_OPENINGS = (
    "{who}, who knows {x}, {verb} {a} {things} at the {place} in the first {b} {units}.",
    "At a {place}, {a} {things} for a course on {x} are shared among {b} teams of {c} people.",
    "While studying {x}, {who} writes down {a} values taken over {b} {units}.",
    "A model of {x} starts from {a} {things} and changes by {b} in each of {c} {units}.",
    "{who} and {other} compare {x} with {y}, using {a} {things} from one {place}.",
    "The {place} keeps {a} {things}, of which {b} were added after a talk about {x}.",
    "To illustrate {x}, a teacher draws {a} {things} and circles every group of {b}.",
    "Suppose that {x} is described by the rule {b} n + {c}, where n counts {units}.",
    "In an experiment on {x}, {a} {things} lose {b} percent of their mass over {c} {units}.",
    "{who} plans {a} {units} of practice, each devoted to {x} for {b} minutes.",
    "Of {a} known cases of {x}, exactly {b} also involve {y}.",
    "Every {b} {units}, because of {x}, the {place} doubles its stock of {things}, once {a}.",
)
_MIDDLES = (
    "After {d} {units} {other} adds {e} more because of {y}.",
    "An independent check based on {y} removes {e} of the total and keeps the rest.",
    "The cost of {y} is {e} coins per unit, plus a fixed charge of {d} coins.",
    "Each of the {d} helpers applies {y} exactly {e} times without any mistake.",
    "Later, {y} raises the previous figure by {d} percent, rounded to whole units.",
    "It is known that {y} holds for one case in {d} and fails {e} times.",
    "{other} repeats the same work with {y}, only {d} times slower.",
    "One {place} nearby sends {e} {things} in {d} equal boxes to help with {y}.",
    "From then on the amount falls by {d} per step until {y} stops it at {e}.",
    "A second record, made with {y}, shows {e} less than {d} times the first.",
)
_ASKS = (
    "How many {things} are there in the end?",
    "What is the total after {f} {units}?",
    "Find the average per {place} worker, to two decimals, if there are {f} workers.",
    "Determine the smallest whole number of {units} after which the count exceeds {f}.",
    "Compute the ratio of the final amount to the first one.",
    "What share, in percent, belongs to {other} when {f} parts are set aside?",
    "Calculate the difference between the largest and the smallest figure, given {f} trials.",
    "How many {units} does {who} need to reach {f} {things}?",
    "Work out the value that links {x} to {y} when n equals {f}.",
    "What is the expected number for {f} {units}, if nothing else changes?",
)


def word_problem(draw: random.Random, concepts: list[str]) -> str:
    """Opening, middle and question, with up to three concepts woven in."""
    who, other = draw.sample(_PEOPLE, 2)
    slots: dict[str, str] = {
        "who": who,
        "other": other,
        "place": draw.choice(_PLACES),
        "things": draw.choice(_THINGS),
        "units": draw.choice(_UNITS),
        "verb": draw.choice(_VERBS),
        "x": concepts[0] if concepts else "proportion",
        "y": concepts[-1] if concepts else "rate",
    }
    for name, (least, most) in zip(
        "abcdef", ((24, 960), (2, 19), (3, 28), (2, 40), (5, 88), (30, 700)), strict=True
    ):
        slots[name] = str(draw.randint(least, most))
    parts = [draw.choice(_OPENINGS), draw.choice(_MIDDLES), draw.choice(_ASKS)]
    if len(concepts) > 2:
        parts.insert(1, f"The setting also involves {concepts[1]}.")
    return " ".join(part.format(**slots) for part in parts)


def worked_answer(draw: random.Random, question: str) -> str:
    """A short calculation from the question's own numbers, the result in a box."""
    numbers = [int(n) for n in re.findall(r"\d{1,6}", question)][:3]
    while len(numbers) < 2:
        numbers.append(draw.randint(2, 50))
    first, second = numbers[0], numbers[1]
    product, rest = first * second, numbers[2] if len(numbers) > 2 else draw.randint(1, 9)
    return (
        f"Write down what is given: {first} and {second}. Multiplying them gives "
        f"{first} · {second} = {product}. Adding {rest} leads to {product} + {rest} = {product + rest}. "
        f"So the result is \\boxed{{{product + rest}}}."
    )
