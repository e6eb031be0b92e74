"""Which labels are closed answers: by hand, and on the answers of real benchmarks; without computer algebra."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from synth.export.labels import fault_of
from synth.verify.equivalence.closed import kind_of

CLOSED = {
    "integer": ["7", "-12", "1,000", "45 degrees", "$3$ apples", r"\text{five}", "2.0"],
    "rational": ["1/2", r"-\frac{3}{4}", "0.25", "3.5 m/s", "25.5 %"],
    "expression": [r"2\sqrt{3}", "x^2+1", r"\sum_{n=0}^{\infty} \frac{x^n}{n!}", r"\pi", "3+2i", "五"],
    "relation": ["y = 2x + 3", "2 < x \\leq 5", r"\theta = \frac{\pi}{2}"],
    "interval": ["(2, 3]", r"(-\infty, 4)", r"[0, 1] \cup [2, 3]"],
    "tuple": ["(3, 4)", "(1, 2, 3)", r"\left(\frac{1}{2}, -13\right)"],
    "set": [r"\{1, 2\}", "x = 5 or x = -5", "1, 2 and 3", r"1 \pm \sqrt{2}"],
    "matrix": [r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"],
    "choice": ["B", r"\text{(E)}", "(C)"],
    "word": ["yes", "no solution", r"\text{Evelyn}", "4:30 p.m.", "converges absolutely"],
}
OPEN = [
    "",
    " \n",
    "The sum of both angles is a right angle",
    "it is 4 because the other two sides are both 3",
    "A solution exists and is unique.",
    "concave up when $x>3$, concave down when $x<3$",
    "(A) The mitochondria are the power house of the cell",
    r"$f(x)=a x+b$, where $b$ is an arbitrary integer",
    "2, 4, 6, ...",
    r"1 + \frac{x}{2} + \cdots",
    "radius: 5, center: $(-1,-1,-1)$",
    r"\begin{pmatrix} 1 & 2",
    "x =",
    "9" * 100_000,
    "(" * 5_000,
]
# In college_math, answers are what a textbook's key says, in sentences too.
BENCHMARKS = [
    ("math500", 1.0),
    ("math_test_5000_questions", 1.0),
    ("gsm8k_test", 1.0),
    ("svamp", 1.0),
    ("cmath", 1.0),
    ("aqua_test", 1.0),
    ("olympiadbench", 0.998),
]


@pytest.mark.parametrize(("kind", "text"), [(k, text) for k, texts in CLOSED.items() for text in texts])
def test_closed_answers_by_their_kind(kind: str, text: str) -> None:
    assert kind_of(text) == kind
    assert fault_of(text) is None


@pytest.mark.parametrize("text", OPEN, ids=lambda text: text[:20])
def test_what_is_no_closed_answer(text: str) -> None:
    assert kind_of(text) is None
    assert fault_of(text)


def answers(folder: Path, name: str) -> list[str]:
    with gzip.open(folder / "benchmarks" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line)["answer"] for line in lines]
    texts = [one[0] if isinstance(one, list) else str(one) for one in found]
    return [text.rpartition("####")[2].strip() for text in texts]


@pytest.mark.parametrize(("name", "share"), BENCHMARKS)
def test_answers_of_benchmarks_are_closed(test_data: Path, name: str, share: float) -> None:
    kinds = [kind_of(text) for text in answers(test_data, name)]
    assert sum(kind is not None for kind in kinds) >= share * len(kinds)


def test_kinds_of_answers_of_benchmarks(test_data: Path) -> None:
    assert set(map(kind_of, answers(test_data, "aqua_test"))) == {"choice"}
    assert set(map(kind_of, answers(test_data, "gsm8k_test"))) == {"integer"}
    found = Counter(map(kind_of, answers(test_data, "math500")))
    assert found["matrix"] == 7
    assert set(found) == set(CLOSED)


def test_sentences_of_a_textbook_are_told_from_its_formulas(test_data: Path) -> None:
    """Of 2,818 answers those with six words and more are prose; formulas of all kinds are not."""
    texts = answers(test_data, "college_math")
    prose = [t for t in texts if sum(w.isalpha() and len(w) > 1 for w in t.split()) >= 6]
    assert len(prose) > 100
    taken = [t for t in prose if kind_of(t)]
    assert taken == []
    plain = [t for t in texts if t.startswith("$") and t.endswith("$") and not set(t) & {" "} and len(t) < 60]
    assert len(plain) > 300
    # `gi` might be a word.
    assert [t for t in plain if kind_of(t) is None] == [r"$\mathrm{h}=\mathrm{gi}$"]


def test_nothing_of_computer_algebra_is_loaded() -> None:
    code = (
        "import sys; from synth.export.labels import fault_of; assert fault_of('x^2+1') is None; "
        "sys.exit(bool({'sympy', 'math_verify', 'latex2sympy2_extended'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
