r"""Pairs of answers that are made to hang, crash or fill a checker: towers of powers, endless sums, deep nesting.

In: a number. Out: so many different pairs (gold, answer), none of which anybody can decide cheaply.
"""

from collections.abc import Iterator
from itertools import count, islice

_PAIRS = (
    (r"9^{9^{9^{%d}}}", r"9^{9^{9^{%d}}}+1"),
    ("10**10**10**%d", "10**10**10**%d+1"),
    (r"\sum_{k=1}^{10^{9}} \frac{1}{k+%d}", r"\sum_{k=2}^{10^{9}+1} \frac{1}{k+%d-1}-1"),
    (r"\prod_{k=1}^{10^{8}} (k+%d)", r"\prod_{k=1}^{10^{8}} (k+%d) + 1"),
    ("(10^9+%d)!", "(10^9+%d)! + 1"),
    (r"\binom{10^{9}}{5\cdot 10^{8}+%d}", r"\binom{10^{9}}{5\cdot 10^{8}+%d} + 1"),
    (r"\int_0^1 \int_0^1 e^{\sin(xy)+x^y+%d} dx dy", r"\int_0^1 x^{x^{x+%d}} dx"),
    ("(" * 1000 + "%d" + ")" * 1000, "%d+1"),
    ("{" * 1000 + "%d" + "}" * 1000, "%d+1"),
    (r"\sqrt{" * 200 + "%d" + "}" * 200, "%d+2"),
    (r"\frac{1}{" * 120 + "x+%d" + "}" * 120, "x+%d"),
    ("9" * 100_000 + "%d", "8%d"),
    (r"\left(x+y+z+%d\right)^{5000}", r"\left(x+y+z+%d\right)^{5000}+\sum_{k=0}^{3} k"),
    (r"\lim_{x \to 0} \frac{\sin(\tan(\sin(x^{%d+7})))}{x^{x^x}}", r"\lim_{x \to 0} x^{x^{x^{%d+1}}} + 1"),
    (r"\sum_{a=1}^{999} \sum_{b=1}^{999} \sum_{c=1}^{999} \frac{a^b}{c+%d}", r"\sum_{a=1}^{9999} a^{a+%d}"),
    (r"\det \begin{pmatrix}" + r" & ".join("a_%d" for _ in range(20)) + r"\end{pmatrix}^{999999}", "%d"),
    (
        r"\begin{pmatrix} 2 & 1 \\ 1 & %d \end{pmatrix}^{10000000}",
        r"\begin{pmatrix} 1 & 1 \\ 1 & %d \end{pmatrix}",
    ),
    (r"\sin(10^{10^{10^{%d}}})", r"\cos(10^{10^{10^{%d}}})"),
    (r"x^{x^{x^{x^{x^{x^{x+%d}}}}}} = 2", r"\frac{x^{x^{x^{x^{x^{x+%d}}}}}}{x!} = y^{y^y}"),
    (r"\text{" * 500 + "%d" + "}" * 500, r"\text{%d}"),
)


def hostile_pairs(number: int) -> Iterator[tuple[str, str]]:
    """So many different pairs."""
    return islice(_all(), number)


def _all() -> Iterator[tuple[str, str]]:
    for turn in count(3):
        for gold, answer in _PAIRS:
            yield gold.replace("%d", str(turn)), answer.replace("%d", str(turn))
