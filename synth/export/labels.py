"""Whether a rule can check an answer: a reward that compares must not be given prose.

In: a label. Out: what is wrong with it, or None. Which kinds of answer are closed is said in
`verify.equivalence.closed`; here is what trainers' rules ask for beside that.
"""

from synth.verify.equivalence.closed import kind_of

MOST_CHARS = 200


def fault_of(label: str) -> str | None:
    """Why no rule can check this label, or None."""
    if not label.strip():
        return "no label"
    if len(label) > MOST_CHARS or "\n" in label.strip():
        return "a label too long to check"
    return None if kind_of(label) else "a label that is no closed answer"
