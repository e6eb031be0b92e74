"""Kinds of answer: for each, whether two answers are the same, and whether one is of that kind at all.

In: a kind, the question, and an engine that compares mathematics. Out: an `Outcome`, or what is wrong in a
few words. `math` is compared by the engine; `choice` by the letter of the option, which is known from the
letter or, where the question shows its options, from the text; open `text` is never compared, and `code` is
run against tests (`verify.code`) instead.
"""

import re
from typing import Literal, Protocol

from synth.verify.code.blocks import code_of
from synth.verify.equivalence import words
from synth.verify.equivalence.decide import MAX_CHARS, form_of
from synth.verify.equivalence.kinds import Choice, Opaque, Words
from synth.verify.equivalence.notation import is_formula, plain_dress
from synth.verify.equivalence.outcome import DIFFERENT, EQUAL, Outcome
from synth.verify.equivalence.reading import read_answer
from synth.verify.equivalence.unfit import unfit
from synth.verify.options import read_options

Kind = Literal["math", "choice", "text", "code"]
KINDS: tuple[Kind, ...] = ("math", "choice", "text", "code")
# Of which two answers can be compared, so that there can be a vote on them.
COMPARED: tuple[Kind, ...] = ("math", "choice")

NOT_COMPARED = Outcome(None, "open text is not compared")
BY_TESTS = Outcome(None, "code is not compared, but run against tests")
CONTRADICTORY = Outcome(None, "the letter and the text of different options")
UNNAMED = Outcome(None, "a value against an option that names none")
_UNNAMED = re.compile(r"(?:all|both|none|neither|not)\b", re.IGNORECASE)
_SMALL = re.compile(r"\(?\s*([a-j])\s*(?:[).:]\s*(.*))?", re.DOTALL)


class Engine(Protocol):
    """What compares two answers in mathematics: `Equivalence`."""

    def same(self, gold: str, answer: str) -> Outcome:
        """Whether two answers are the same."""


class Answers:
    """Answers of one kind to one question; `question` is read for the options of a choice."""

    def __init__(self, kind: Kind, engine: Engine | None = None, question: str = "") -> None:
        self.kind = kind
        self._engine = engine
        self.options = read_options(question) if kind == "choice" and question else {}

    def same(self, gold: str, answer: str) -> Outcome:
        """Whether two answers are the same; undecided where the kind has no comparison.

        Raises:
            SynthError: the engine's processes cannot be started.
        """
        if self.kind == "choice":
            return self._same_option(gold, answer)
        if self.kind == "math":
            return self._compared(gold, answer)
        return NOT_COMPARED if self.kind == "text" else BY_TESTS

    def form(self, answer: str) -> str:
        """A normal form: answers that share it are the same."""
        if self.kind == "choice" and (found := self._option(answer)) and not self._contradicts(answer):
            return found
        return form_of(answer) if self.kind in COMPARED else answer

    def fault(self, answer: str) -> str | None:
        """Why it is no answer of this kind, in a few words; None where it is one."""
        if not answer.strip():
            return "it is empty"
        if self.kind == "code":
            return None if code_of(answer) else "there is no code in it"
        if self.kind == "text":
            return None
        if len(answer) > MAX_CHARS:
            return f"it has more than {MAX_CHARS:,} characters"
        return self._no_option(answer) if self.kind == "choice" else _no_mathematics(answer)

    def _same_option(self, gold: str, answer: str) -> Outcome:
        if self._contradicts(gold) or self._contradicts(answer):
            return CONTRADICTORY
        ours, theirs = self._option(gold), self._option(answer)
        if ours and theirs:
            return EQUAL if ours == theirs else DIFFERENT
        if any(_UNNAMED.match(self.options.get(option or "", "")) for option in (ours, theirs)):
            return UNNAMED
        # One of them is a value that is none of the options, or the question shows none.
        shown = (self.options.get(option or "", text) for option, text in ((ours, gold), (theirs, answer)))
        return self._compared(*shown)

    def _option(self, answer: str) -> str | None:
        """The letter of the option that is meant, where that is known."""
        if choice := letter_of(answer):
            return choice.letter
        return self._with_text(answer)

    def _with_text(self, text: str) -> str | None:
        """The letter of the one option that has this text."""
        plain = " ".join(text.split()).casefold().rstrip(".")
        for letter, shown in self.options.items():
            if " ".join(shown.split()).casefold().rstrip(".") == plain:
                return letter
        same = [letter for letter, shown in self.options.items() if self._compared(shown, text).equal is True]
        return same[0] if len(same) == 1 else None

    def _contradicts(self, answer: str) -> bool:
        """`B. 12` where 12 is the text of C."""
        choice = letter_of(answer)
        if choice is None or not choice.text or not self.options:
            return False
        meant = self._with_text(choice.text)
        return meant is not None and meant != choice.letter

    def _no_option(self, answer: str) -> str | None:
        if self._contradicts(answer):
            return f"it has {CONTRADICTORY.reason}"
        found = self._option(answer)
        if found is None:
            return "it names no option"
        if self.options and found not in self.options:
            return f"there is no option {found}"
        return None

    def _compared(self, gold: str, answer: str) -> Outcome:
        if self._engine is None:
            raise ValueError(f"answers of the kind {self.kind} need an engine")
        return self._engine.same(gold, answer)


def letter_of(answer: str) -> Choice | None:
    """The option that an answer names by its letter, with the text behind it."""
    dressed = plain_dress(answer).strip()
    found = read_answer(dressed, is_formula(answer))
    if isinstance(found, Choice):
        return found
    small = _SMALL.fullmatch(dressed.strip('" *'))
    return Choice(small[1].upper(), (small[2] or "").strip(' ".:)')) if small else None


def _no_mathematics(answer: str) -> str | None:
    """Closed mathematics: numbers, formulas, sets, intervals, and the few words that stand for such."""
    try:
        found = read_answer(plain_dress(answer), is_formula(answer))
    except RecursionError:
        return "it is nested too deeply"
    if isinstance(found, Words) and not words.is_known(found.key):
        return "it is free text"
    if isinstance(found, Opaque) and (why := unfit(answer, answer)):
        return why.reason
    return None
