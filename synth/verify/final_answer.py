r"""The final answer of a worked response, and what shows that it is the final one.

In: a response. Out: a part of it. What is marked comes first: the last `\boxed{…}`, else what is stated last
(`####`, "the answer is", "Answer:", and what other languages say), else what stands in bold at the end.
Where no marker is asked for (`mode="free"`), the last formula or number of the last sentence that has one.
Reads only; nothing of a response is ever evaluated.
"""

import re
from typing import Literal, NamedTuple

Mode = Literal["stated", "free"]
Evidence = Literal["boxed", "stated", "bold", "formula", "number", "option"]

MAX_CHARS = 1_000
# Where no marker shows the answer, it stands near the end.
_TAIL_CHARS = 4_000
_TAIL_SENTENCES = 3

_BOXES = 20
_THOUGHT = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_SAID = (
    r"####",
    r"\b(?:final|correct|right)?[ \t]*(?:answers?|answer choice|solution|result|option|choice)[*_ \t]{0,4}"
    r"(?:to (?:the|this) (?:question|problem)[ \t]*)?(?:is|are|was|equals|will be|would be|:|=|：)",
    r"\b(?:la )?(?:respuesta|soluci[oó]n)(?: final| correcta)?[*_ \t]{0,4}(?:es|son|:)",
    r"\b(?:la |les )?r[ée]ponses?(?: finale| correcte)?[*_ \t]{0,4}(?:est|sont|:)",
    r"\b(?:die )?(?:endg[üu]ltige |richtige )?(?:antwort|l[öo]sung)[*_ \t]{0,4}(?:ist|lautet|:)",
    r"\b(?:a )?resposta(?: final| correta)?[*_ \t]{0,4}(?:é|:)",
    r"\b(?:la )?risposta(?: finale| corretta)?[*_ \t]{0,4}(?:è|:)",
    r"\b(?:het )?(?:eind)?antwoord[*_ \t]{0,4}(?:is|:)",
    r"\bodpowied[źz](?: to)?[*_ \t]{0,4}:?",
    r"\b(?:правильный |окончательный )?ответ[*_ \t]{0,4}(?:есть|равен|:|-|—)",
    r"\b(?:đáp án|đáp số|câu trả lời)[*_ \t]{0,4}(?:là|:)",
    r"\bcevap[*_ \t]{0,4}:",
    r"(?:最终|正确|最後の)?(?:答案|答え|解答|答)[*_ \t]{0,4}(?:是|为|為|は|：|:)",
    r"(?:최종 )?(?:정답|답)[*_ \t]{0,4}(?:은|는|:)",
    r"(?:الجواب|الإجابة)(?: النهائي(?:ة)?)?[*_ \t]{0,4}(?:هو|هي|:)",
    r"(?:अंतिम )?उत्तर[*_ \t]{0,4}(?:है|:|=)",
)
# In the last line, as dialogues of questions and answers have it.
_LAST_LINE = re.compile(r"(?:^|\n)[ \t]*(?:A|Ans\.?|ANS)[ \t]*:[ \t]*([^\n]+)\s*\Z")
_STATED = re.compile(rf"(?:{'|'.join(_SAID)})[*_ \t]*:?[*_ \t]*\n?[ \t]*\n?[ \t]*([^\n]*)", re.IGNORECASE)
# A sentence ends with a full stop before white space; a stop within 3.5 or x. = is none of its ends.
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[。！？]|\n")
_REASON = re.compile(r"[,;]?\s+(?:because|since|which|as (?:the|it|we)|so that|where)\s", re.IGNORECASE)
_BOLD_END = re.compile(r"\*\*([^*\n]{1,200})\*\*[\s.!。]*$")
_FORMULA = re.compile(r"\$\$?([^$\n]{1,600})\$\$?|\\[(\[](.{1,600}?)\\[)\]]")
_NUMBER = re.compile(
    r"(?<![\w.^])[-+−]?(?:[$€£¥]\s?)?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\s?/\s?\d+(?![\d./]))?(?:[eE][-+]?\d{1,3}(?!\w))?"
    r"(?:\s?%|\\%|°)?|(?<![\w.])[-+]?\.\d+"
)
_DIGITS = re.compile(r"\d")
_OPTION = re.compile(r"\(([A-J])\)|\b(?:option|choice) ([A-J])\b")


class Found(NamedTuple):
    """A final answer, and what shows that it is one."""

    text: str
    evidence: Evidence


def final_answer(response: str) -> str | None:
    """The final answer that a response marks as such, or None where it marks none."""
    found = find_answer(response)
    return found.text if found else None


def find_answer(response: str, mode: Mode = "stated") -> Found | None:
    """The final answer with its evidence; without any marker only where `mode` is `free`."""
    text = without_thoughts(response)
    return _boxed(text) or _stated(text) or _bold(text) or (_unmarked(text) if mode == "free" else None)


def without_thoughts(response: str) -> str:
    """A response as it goes on after the last of its thoughts, where it marks any."""
    thoughts = list(_THOUGHT.finditer(response))
    return response[thoughts[-1].end() :] if thoughts else response


def _boxed(text: str) -> Found | None:
    for found in reversed(list(_BOXED.finditer(text))[-_BOXES:]):
        inside = _balanced(text, found.end())
        if inside:
            return Found(inside, "boxed")
    return None


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


def _stated(text: str) -> Found | None:
    """The last statement that has an answer in it."""
    last = _LAST_LINE.search(text[-2 * MAX_CHARS :])
    for match in [*filter(None, [last]), *reversed(list(_STATED.finditer(text)))]:
        said = _first_sentence(match[1])
        if said and len(said) <= MAX_CHARS:
            return Found(said, "stated")
    return None


def _first_sentence(line: str) -> str:
    """A statement without its reason, the sentences behind it, and its typographic dress."""
    end = _SENTENCE_END.search(line)
    said = line[: end.start()] if end else line
    if reason := _REASON.search(said):
        said = said[: reason.start()]
    said = said.strip().strip("*_ ").rstrip(".").strip("*_: ")
    formulas = list(_FORMULA.finditer(said))
    if len(formulas) == 1 and formulas[0][0] != said and not _DIGITS.search(_FORMULA.sub("", said)):
        # "the answer is the number $5$": words around one formula.
        return (formulas[0][1] or formulas[0][2]).strip()
    return said.strip("$ ") if said.count("$") in (0, 2) or said.startswith("$$") else said


def _bold(text: str) -> Found | None:
    match = _BOLD_END.search(text[-MAX_CHARS:].rstrip())
    said = match[1].strip().rstrip(".:").strip("$ ") if match else ""
    return Found(said, "bold") if said and match and not match[1].strip().endswith(":") else None


def _unmarked(text: str) -> Found | None:
    """The last formula or number of the last sentence that has one."""
    tail = text[-_TAIL_CHARS:]
    sentences = [part for part in _SENTENCE_END.split(tail) if part.strip()]
    for sentence in reversed(sentences[-_TAIL_SENTENCES:]):
        if found := _last_of(sentence):
            return found
    return None


def _last_of(sentence: str) -> Found | None:
    found: list[tuple[int, Found]] = []
    for match in _FORMULA.finditer(sentence):
        inside = (match[1] or match[2]).strip()
        if _DIGITS.search(inside) or len(inside) < 30:
            found.append((match.end(), Found(inside.rpartition("=")[2].strip() or inside, "formula")))
    last = found[-1][0] if found else 0
    for match in _NUMBER.finditer(sentence, last):
        if len(match[0]) <= MAX_CHARS:
            found.append((match.end(), Found(match[0].strip(), "number")))
    for match in _OPTION.finditer(sentence, last):
        found.append((match.end(), Found(match[1] or match[2], "option")))
    return max(found, key=lambda entry: entry[0])[1] if found else None
