"""What the fake model says as a student: now and then right, as often as its ability for the problem says.

In: a problem, the model's name, and the stream of the request, which differs by sample. Out: a response. The
ability is drawn by problem and model, evenly from never to always, so that of eight attempts each number of
right ones is as likely as any other; or it is as scripted: weak in one subject at first, better at a later
checkpoint. What is right is what the fake model itself answers as a solver.
"""

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from synth.ids import stream
from synth.llm.fake_frames import worked_answer

# One attempt in so many ends without an answer.
GIVES_UP = 20
UNSURE = "I have tried several ways, and none of them leads to a result."
_BOX = re.compile(r"(-?\d+)\}\.?$")


class Ability(NamedTuple):
    """How often problems with these words are solved, by the model of this name; empty: all of them."""

    share: float
    words: str = ""
    model: str = ""

    def fits(self, problem: str, model: str) -> bool:
        """Whether it speaks of this problem and this model."""
        return self.model in ("", model) and self.words.casefold() in problem.casefold()


def ability_of(text: str) -> Ability:
    """`SHARE`, `WORDS=SHARE` or `WORDS@MODEL=SHARE`; without words it holds for all problems.

    Raises:
        ValueError: it is none of these.
    """
    whom, _, share = text.rpartition("=")
    words, _, model = whom.rpartition("@") if "@" in whom else (whom, "", "")
    try:
        found = float(share)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ValueError(f"{text!r} is not WORDS@MODEL=SHARE with a share from 0 to 1")
    return Ability(found, words.strip(), model.strip())


def attempt(draw: random.Random, problem: str, model: str, abilities: Sequence[Ability] = ()) -> str:
    """A worked response, right or wrong, or none. Of `abilities` the last that fits counts."""
    fitting = [ability.share for ability in abilities if ability.fits(problem, model)]
    drawn = stream(0, "fake-student", f"{model} {problem}").random()
    is_right = draw.random() < (fitting[-1] if fitting else drawn)
    right = worked_answer(draw, problem)
    if is_right:
        return right
    if draw.randrange(GIVES_UP) == 0:
        return UNSURE
    slip = draw.choice((-10, -2, -1, 1, 2, 10))
    return _BOX.sub(lambda found: f"{int(found[1]) + slip}}}.", right)
