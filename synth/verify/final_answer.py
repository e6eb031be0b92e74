r"""The final answer of a worked response: the last `\boxed{…}`, else the last stated answer.

Reads only; nothing of a response is ever evaluated.
"""

import re

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_STATED = re.compile(
    r"^\W*(?:the\s+)?(?:final\s+)?answer\s*(?:is|:|=)(.+)$|^####(.+)$", re.IGNORECASE | re.MULTILINE
)
MAX_CHARS = 1_000


def final_answer(response: str) -> str | None:
    """The extracted final answer, or None where the response states none."""
    for found in reversed(list(_BOXED.finditer(response))):
        inside = _balanced(response, found.end())
        if inside:
            return inside
    stated = [first or second for first, second in _STATED.findall(response)]
    answers = [a.strip().rstrip(".").strip("*$ ") for a in stated]
    answers = [a for a in answers if a and len(a) <= MAX_CHARS]
    return answers[-1] if answers else None


def _balanced(text: str, start: int) -> str | None:
    """What stands between the brace before `start` and its partner; None where it has none."""
    depth = 1
    for place in range(start, min(len(text), start + MAX_CHARS)):
        character = text[place]
        if character in "{}" and text[place - 1] != "\\":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return text[start:place].strip()
    return None
