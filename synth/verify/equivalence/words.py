"""Answers in words: what is said in several ways and means the same.

In: a text in plain dress. Out: its key. Answers with one key are the same; of those with different keys
nobody here claims more than that they are different words.
"""

import re

_SAME = {
    "no solution": "no solutions|no real solution|no real solutions|none|no such number|no such numbers|"
    "no answer|∅|empty set|the empty set|there is no solution|there are no solutions|"
    "has no solution|no roots|"
    "inconsistent|nosolution|null set|no values|no value",
    "does not exist": "dne|doesnt exist|limit does not exist|the limit does not exist|not exist",
    "undefined": "not defined|is undefined|indeterminate",
    "all real numbers": "ℝ|all reals|all real|any real number|every real number|all real x|"
    "real numbers|"
    "the set of all real numbers|all real numbers x",
    "infinitely many": "infinitely many solutions|infinite solutions|infinite|infinity many|"
    "there are infinitely many solutions|infinitely many answers",
    "∞": "infinity|positive infinity|+∞",
    "-∞": "negative infinity|minus infinity",
    "yes": "yes it is|yes it does|yes they are|是|oui|ja|sí|si",
    "no": "no it is not|no it does not|no they are not|no it isnt|否|不是|non|nein",
    "true": "it is true|the statement is true|correct|对|正确",
    "false": "it is false|the statement is false|incorrect|错|错误",
    "cannot be determined": "can not be determined|not enough information|it cannot be determined|"
    "insufficient information",
    "divergent": "diverges|the series diverges|it diverges|is divergent|series diverges",
    "convergent": "converges|the series converges|it converges|is convergent|series converges",
    "tie": "draw|a draw|a tie",
}  # fmt: skip
_NUMBERS_TEXT = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty
"""
_NUMBERS = tuple(_NUMBERS_TEXT.split())
_KEYS = {said: key for key, others in _SAME.items() for said in (key, *others.split("|"))}
_PART = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[∅∞ℝ+\-*/=<>≤≥^°%]")
_ARTICLES = frozenset(("the", "a", "an"))
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def key_of(text: str) -> str:
    """The words in lower case, without punctuation, articles at the head, and ways of saying the same."""
    text = text.replace("'", "").replace('"', " ").casefold().replace("p.m", "pm").replace("a.m", "am")
    parts = _PART.findall(text)
    while parts and parts[0] in _ARTICLES:
        parts = parts[1:]
    key = " ".join(parts)
    return _KEYS.get(key, key)


def is_known(key: str) -> bool:
    """Whether the key is of something that is commonly answered in words."""
    return key in _SAME


def number_word(text: str) -> int | None:
    """The number that a single word names."""
    word = text.strip(' "').lower()
    return _NUMBERS.index(word) if word in _NUMBERS else None
