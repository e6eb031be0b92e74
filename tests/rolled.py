"""A tiny training log for tests: problems of three categories over four visits, some failed throughout."""

import json
from pathlib import Path

# Category -> problems, each with whether the student keeps failing it.
PROBLEMS: dict[str | None, list[tuple[str, bool]]] = {
    "Motion": [
        ("A falling ball has constant acceleration. Find its speed after three seconds of falling.", True),
        (
            "The distance of a train grows with the square of time. Find its acceleration and final speed.",
            True,
        ),
        (
            "Kinetic energy of a falling ball equals its potential energy at half height. Find that height.",
            True,
        ),
        (
            "The slope of a distance curve is the speed. Find the speed where the distance is ten meters.",
            True,
        ),
        ("Two trains leave at constant speed. Find the time at which their distance is forty.", False),
    ],
    "chance": [
        (
            "Two independent events have equal probability. Find the probability of both events together.",
            True,
        ),
        (
            "Favourable outcomes of a die are even numbers. Find the probability of the complement event.",
            True,
        ),
        (
            "Three coins have equally likely outcomes. Find the number of favourable outcomes with two heads.",
            True,
        ),
        ("An urn holds seven marbles. Find the probability of a red marble.", False),
        ("A card is drawn from a full deck. Find the probability of a queen.", False),
        ("A fair coin is thrown twice. Find the number of outcomes.", False),
    ],
    None: [
        ("Two mixtures have different concentration. Find the weighted mean of the concentration.", True),
        ("A linear equation describes a straight line. Find the slope of the parallel line.", True),
        ("Two lines meet in one point. Find the linear equation of the line through the origin.", True),
        ("A mixture has a ratio of three to two. Find the amount of substance in ten liters.", False),
    ],
}
SEED = "A card is drawn from a full deck. Find the probability of a queen."


def rows() -> list[dict[str, object]]:
    """One row a problem: its text, its category where it has one, its accuracy at each visit."""
    return [
        {
            "problem": text,
            "category": category,
            "accuracies": [0.25, 0.125, 0.0, 0.0] if failed else [0.5, 0.75, 1, 1],
        }
        for category, problems in PROBLEMS.items()
        for text, failed in problems
    ]


def write(path: Path) -> Path:
    """Write the log as JSON Lines; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    return path


FAILED = sum(failed for problems in PROBLEMS.values() for _, failed in problems)
ALL = sum(map(len, PROBLEMS.values()))
