"""What the fake model says as a student: now and then right, as often as its ability for the problem says.

In: a problem, the model's name, and the stream of the request, which differs by sample. Out: a response. The
ability is drawn by problem and model, evenly from never to always, so that of eight attempts each number of
right ones is as likely as any other. What is right is what the fake model itself answers as a solver.
"""

import random
import re

from synth.ids import stream
from synth.llm.fake_frames import worked_answer

# One attempt in so many ends without an answer.
GIVES_UP = 20
UNSURE = "I have tried several ways, and none of them leads to a result."
_BOX = re.compile(r"(-?\d+)\}\.?$")


def attempt(draw: random.Random, problem: str, model: str) -> str:
    """A worked response, right or wrong, or none."""
    ability = stream(0, "fake-student", f"{model} {problem}").random()
    is_right = draw.random() < ability
    right = worked_answer(draw, problem)
    if is_right:
        return right
    if draw.randrange(GIVES_UP) == 0:
        return UNSURE
    slip = draw.choice((-10, -2, -1, 1, 2, 10))
    return _BOX.sub(lambda found: f"{int(found[1]) + slip}}}.", right)
