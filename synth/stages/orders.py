"""Orders to a language model, as hostile documents hold them, and whether an output repeats one.

In: a text that a model wrote, and the passages that stood in its prompt. Out: the order that it repeats.
Passages are delimited in every prompt, and a model may follow them all the same; what comes of that
must not become training data. A question about such orders is fine, unless its passage gave them.
"""

import re
from collections.abc import Iterable

# Marks of chat templates: no question needs them, wherever they come from.
_MARKS = re.compile(
    r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id)\|>|\[/?INST\]|<<SYS>>", re.I
)
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.!?\n]{0,40}\b(?:instructions?|prompts?|rules|guidelines)\b"
    r"|\byou are (?:now )?(?:chatgpt|gpt-?\d|an? (?:ai|language model|helpful assistant|chatbot))\b"
    r"|\b(?:reveal|print|repeat|output|show)\b[^.!?\n]{0,30}"
    r"\b(?:system prompt|your (?:prompt|instructions))\b"
    r"|\b(?:new|updated|real) (?:system )?instructions?\s*:"
    r"|\b(?:respond|reply|answer) (?:only |just )?with (?:the (?:word|text|phrase)|only)\b"
    r"|\b(?:do not|don't|never) (?:write|generate|answer|follow|mention)\b[^.!?\n]{0,40}"
    r"\b(?:questions?|instructions?|prompt|as an ai)\b"
    r"|忽略(?:之前|以上|上面|所有)[^。！？\n]{0,12}(?:指令|指示|提示)",
    re.IGNORECASE,
)


def find_order(text: str) -> str | None:
    """The first order to a model in a text."""
    found = _MARKS.search(text) or _ORDERS.search(text)
    return " ".join(found[0].split()) if found else None


def copied_order(text: str, passages: Iterable[str]) -> str | None:
    """An order in a text that one of its passages gave, or a mark of a chat template."""
    if mark := _MARKS.search(text):
        return mark[0]
    orders = {_plain(m[0]) for m in _ORDERS.finditer(text)}
    if not orders:
        return None
    given = {_plain(m[0]) for passage in passages for m in _ORDERS.finditer(passage)}
    return min(orders & given, default=None)


def _plain(order: str) -> str:
    return " ".join(order.casefold().split())
