"""The words of a document, for telling whether two documents are nearly equal.

In: a text. Out: its words in order, without case, signs and markup: two formats of one page differ in
these. (Questions are told apart by `dedup.normalise`, where every sign counts.) Scripts that put no
spaces between words give one token for each character.
"""

import re

# Thai and Lao, Myanmar, Khmer, kana, Chinese characters.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_SPACELESS}]|[^\\W_{_SPACELESS}]+")
# The same where there are no other letters, in half the time.
_ASCII_WORD = re.compile("[0-9a-z]+")


def words(text: str) -> list[str]:
    """The words of a text."""
    text = text.casefold()
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)
