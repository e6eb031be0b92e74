"""Orders to a language model, as hostile documents hold them, and whether an output repeats one.

In: a text that a model wrote, and what stood in its prompt of documents. Out: the order that it repeats.
Passages are delimited in every prompt, and a model may follow them all the same; what comes of that
must not become training data. A question about such orders is fine, unless its passage gave them.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from synth.prompts.marks import CHAT_MARKS
from synth.text import one_line

# A heading says what its text is about; what is longer was written for another purpose.
TITLE_CHARS = 120

# Emphasis and what shows as nothing: neither makes an order another one.
_UNSEEN = re.compile("[*`~\u00ad\u200b-\u200f\u2060\ufeff]+|(?<![^\\W_])_+|_+(?![^\\W_])")
_MARKED = re.compile("[*`~\u00ad\u200b-\u200f\u2060\ufeff_]")
_PARAGRAPH = re.compile(r"\n[^\S\n]*+\n\s*+")
_BLANKS = re.compile(r"[^\S\n]+|\n(?!\n)")
_SENTENCE_END = re.compile(r"[.!?。！？\n]")
# Longer than any object below.
_OBJECT_CHARS = 40


class _Kind(NamedTuple):
    """A kind of order: what begins it, how many characters may follow, and what they lead to.

    One of the `signs` stands in all that `what` finds; few texts have any.
    """

    signs: tuple[str, ...]
    verb: re.Pattern[str]
    between: int
    what: re.Pattern[str]


class _Order(NamedTuple):
    """An order as it stands in a text, and what makes it the same as another."""

    at: int
    text: str
    core: tuple[str, str]


def _kind(signs: str, verb: str, between: int, what: str) -> _Kind:
    return _Kind(tuple(signs.split("|")), re.compile(verb), between, re.compile(what))


_KINDS = (
    _kind(
        "instruction|prompt|rules|guidelines",
        r"\b(?:ignore|disregard|forget|override)\b",
        41,
        r"\b(?:instruction|prompt|rule(?=s)|guideline(?=s))s?\b",
    ),
    _kind(
        "gpt|an ai|a ai|language model|assistant|chatbot",
        r"\byou are\b",
        5,
        r"\b(?:chatgpt|gpt-?\d|an? (?:ai|language model|helpful assistant|chatbot))\b",
    ),
    _kind(
        "system prompt|your prompt|your instruction",
        r"\b(?:reveal|print|repeat|output|show)\b",
        31,
        r"\b(?:system prompt|your (?:prompt|instruction)s?)\b",
    ),
    _kind("instruction", r"\b(?:new|updated|real)\b", 8, r"\binstructions?\s?:"),
    _kind(
        "with the |with only",
        r"\b(?:respond|reply|answer)\b",
        6,
        r"\bwith (?:the (?:word|text|phrase)|only)\b",
    ),
    _kind(
        "question|instruction|prompt|as an ai",
        r"\b(?:do not|don't|never) (?:write|generate|answer|follow|mention)\b",
        41,
        r"\b(?:question|instruction|prompt|as an ai)s?\b",
    ),
    _kind("指令|指示|提示", r"忽略(?:之前|以上|上面|所有)", 12, r"指令|指示|提示"),
)


def find_order(text: str) -> str | None:
    """The first order to a model in a text."""
    if mark := CHAT_MARKS.search(text):
        return " ".join(mark[0].split())
    return min(_orders(text), default=_NONE).text or None


def copied_order(text: str, given: Iterable[str]) -> str | None:
    """An order in a text that one of those before it gave, or a mark of a chat template.

    Two orders are the same where the same verb has the same object, whatever stands between.
    """
    if mark := CHAT_MARKS.search(text):
        return mark[0]
    orders = sorted(_orders(text))
    if not orders:
        return None
    cores = {order.core for other in given for order in _orders(other)}
    return next((order.text for order in orders if order.core in cores), None)


def harmless_title(title: str, source: str) -> str:
    """A title as it may stand in a prompt, where nothing delimits it: short, and without an order."""
    names = (title, source.rsplit("/", 1)[-1])
    # Looked at whole: an order that is cut is not found and still understood.
    return next((one_line(name, TITLE_CHARS) for name in names if not find_order(name)), "Untitled")


_NONE = _Order(0, "", ("", ""))


def _orders(text: str) -> Iterator[_Order]:
    text = _plain(text)
    for kind in _KINDS:
        if not any(sign in text for sign in kind.signs):
            continue
        for verb in kind.verb.finditer(text):
            reach = text[verb.end() : verb.end() + kind.between + _OBJECT_CHARS]
            sentence = _SENTENCE_END.split(reach, maxsplit=1)[0]
            for what in kind.what.finditer(sentence):
                if what.start() <= kind.between:
                    core = verb[0].replace("don't", "do not"), what[0].rstrip("s :")
                    yield _Order(verb.start(), verb[0] + sentence[: what.end()], core)


def _plain(text: str) -> str:
    """Lower case without emphasis, each paragraph on one line."""
    text = text.casefold().replace("’", "'")
    if _MARKED.search(text):
        text = _UNSEEN.sub("", text)
    if " ".join(text.split()) == text:  # as most questions are
        return text
    return "\n".join(_BLANKS.sub(" ", paragraph) for paragraph in _PARAGRAPH.split(text))
