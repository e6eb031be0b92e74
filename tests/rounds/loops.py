"""A loop for tests: a scripted student that has learnt geometry by its second checkpoint."""

import json
from pathlib import Path
from typing import Any

import synth
from synth.config import RunConfig
from synth.rounds.figures import Figures
from synth.rounds.loop import run_rounds, try_seeds
from synth.rounds.plan import Loop
from synth.settings import load
from tests.rollouts.seeds import put

STUDENT = "fake:?ability=0&ability=geometry@step2=1"
BUDGET = 12
# Words enough that the concepts of one subject make several sets.
NOUNS = {
    "Geometry": ("triangles", "circles", "angles", "polygons", "chords", "tangents", "spheres", "prisms"),
    "Number Theory": ("primes", "divisors", "remainders", "digits", "factors", "squares", "cubes", "sums"),
}
EACH = 6


def seed(place: int, subject: str) -> dict[str, Any]:
    """Three numbers: the fake model multiplies the first two and adds the third."""
    a, b, c = place + 2, place + 3, place + 5
    one, other, third = (NOUNS[subject][(place + step) % 8] for step in (0, 1, 3))
    text = f"In {subject.lower()}, {a} {one} hold {b} {other} each and {c} {third} lie beside. How many are there?"
    return {"question": text, "answer": a * b + c, "category": subject}


ROWS = [seed(place, subject) for place in range(EACH) for subject in NOUNS]


def entry(name: str, model: str, base_url: str = STUDENT, **more: Any) -> str:
    fields = {"base_url": base_url, "model": model, **more}
    return f"models.{name}={{{', '.join(f'{k} = {json.dumps(v)}' for k, v in fields.items())}}}"


def config(root: Path, *settings: str, student: str = "step{round}") -> RunConfig:
    """Rounds of the seeds of two subjects, with one visit each."""
    seeds = put(root / "seeds", ROWS)
    overrides = [
        entry("mine", student), f'rounds.seeds=["{seeds}"]', 'rounds.visits=["mine"]', "rounds.attempts=4",
        f"targets.budget={BUDGET}", *settings,
    ]  # fmt: skip
    return load("sws-recommended", model="fake", overrides=overrides)


def loop(root: Path, *settings: str, name: str | None = "l", **more: Any) -> Loop:
    return Loop(config(root, *settings, **more), root / "runs", name)


def carry(rounds: Loop, count: int, said: list[str] | None = None) -> Figures:
    """Without Prefect."""
    return run_rounds(
        rounds,
        count,
        lambda one: synth.run(one.config, name=one.folder.name, runs=rounds.runs),
        try_seeds,
        (said if said is not None else []).append,
    )
