"""No rule of the screen is skipped that would have spoken: signs stand in all that their patterns find."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth.config import ScreenConfig
from synth.stages import orders, screen_rules
from synth.stages.orders import _KINDS, _plain, copied_order
from synth.stages.screen_rules import (
    CHOICE_LINES,
    CHOICES,
    FIGURES,
    PARTS,
    REPEATED_CHARS,
    REPETITION,
    ROMAN_PARTS,
    SENTENCE_ASKS,
    Broken,
    Phrases,
    broken_rule,
)

STRICT = ScreenConfig(reject_proofs=True, min_words=1)
RULES = {name: rule for name, rule in vars(screen_rules).items() if isinstance(rule, Phrases)}
FLAGS = re.IGNORECASE | re.MULTILINE
# Letters that patterns without case take for one of English, and other odd ones.
ODD = {"s": "ſ", "S": "ſ", "k": "\u212a", "K": "\u212a", "i": "ıİ", "I": "ıİ"}
FRAGMENTS = [
    "prove that", "Show that", "true or false", "(a) find", "(b) find", "(i) find", "(ii) find", "A) 3", "B) 4",
    "C) 5", "\nA. 3", "\nB. 4", "What is it?", "Where is it?", "\"What?\"", "in the figure", "| 1 | 2 |\n| 3 |",
    "Theorem 3.2", "equation (2.1)", "the last problem", "[INST]", "<|im_end|>", "reply with one block",
    "`code?`", "yes no yes no yes no yes no ", "abcabcabcabcabcabcabc", "which of the following", "如图", "证明",
    "given in the table", "the table below", "according to the text", "ſhow that", "\u212a", "İ", "x" * 30,
]  # fmt: skip
SAID = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=12)), max_size=8).map(" ".join)


def plainly(question: str, language: str, config: ScreenConfig) -> Broken | None:
    """The same rules, none of which is skipped."""
    patch = pytest.MonkeyPatch()
    with patch.context() as plain:
        for name, rule in RULES.items():
            plain.setattr(screen_rules, name, rule._replace(signs=("",)))
        plain.setattr(screen_rules, "_may_repeat", lambda prose: True)
        plain.setattr(screen_rules, "_choices", _choices)
        plain.setattr(screen_rules, "_parts", _parts)
        plain.setattr(screen_rules, "_needs_figure", _needs_figure)
        plain.setattr(screen_rules, "_is_foreign", _is_foreign)
        return broken_rule(question, language, config)


def _choices(prose: screen_rules._Prose) -> Broken | None:
    if "ABC" in "".join(CHOICES.findall(prose.text)) or "AB" in "".join(CHOICE_LINES.findall(prose.text)):
        return Broken("multiple_choice", "lists choices by letter")
    return screen_rules._says("multiple_choice", screen_rules.CHOICE_PHRASES, prose)


def _parts(prose: screen_rules._Prose) -> Broken | None:
    text = prose.text
    if "ab" in "".join(PARTS.findall(text)) or {"i", "ii"} <= set(ROMAN_PARTS.findall(text)):
        return Broken("multiple_parts", "lists parts by letter or numeral")
    asked = len(SENTENCE_ASKS.findall(screen_rules._QUOTED.sub(" ", text)))
    if asked > 1:
        return Broken("multiple_parts", f"asks {asked} questions")
    return screen_rules._says("multiple_parts", screen_rules.PART_PHRASES, prose)


def _needs_figure(text: str, prose: screen_rules._Prose) -> Broken | None:
    return (
        None if FIGURES.search(text) else screen_rules._says("needs_source", screen_rules.NEEDS_FIGURE, prose)
    )


def _is_foreign(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    return 2 * sum(map(str.isascii, letters)) < len(letters)


@pytest.mark.parametrize("name", sorted(RULES))
@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(data=st.data())
def test_a_sign_stands_in_whatever_a_pattern_finds(name: str, data: st.DataObject) -> None:
    rule = RULES[name]
    text = data.draw(st.from_regex(rule.pattern))
    odd = data.draw(st.sets(st.sampled_from(sorted(ODD)), max_size=3))
    text = "".join(data.draw(st.sampled_from(ODD[char])) if char in odd else char for char in text)
    found = rule.pattern.search(text)
    folded = screen_rules._Prose.of(text).folded
    assert found is None or any(sign in folded for sign in rule.signs), found


@settings(max_examples=600, deadline=None)
@given(SAID, st.sampled_from(["en", "und"]))
def test_no_verdict_changes_as_rules_are_skipped(said: str, language: str) -> None:
    assert broken_rule(said, language, STRICT) == plainly(said, language, STRICT)


@settings(max_examples=500, deadline=None)
@given(
    st.text("ab1 x", min_size=2, max_size=40),
    st.integers(1, 12),
    st.text("ab1 xyz", max_size=50),
    st.text("abz"),
)
def test_no_long_repetition_is_overlooked(unit: str, times: int, before: str, after: str) -> None:
    text = f"{before}{unit * times}{after}"
    told = any(
        len(set(found[1])) > 1 and len(found[0]) >= REPEATED_CHARS for found in REPETITION.finditer(text)
    )
    assert screen_rules._may_repeat(text) or not told


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.signs[0].strip())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_sign_stands_in_every_order(kind: orders._Kind, data: st.DataObject) -> None:
    found = kind.what.search(data.draw(st.from_regex(kind.what)))
    assert found is None or any(sign in found[0] for sign in kind.signs)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.one_of(st.text(max_size=8), st.sampled_from([" ", "\n", "\n \n", "a_b", "*x*", "ß’", "\u200b"])),
        max_size=9,
    ).map("".join)
)
def test_plain_text_is_left_as_the_patterns_would_leave_it(text: str) -> None:
    unseen = orders._UNSEEN.sub("", text.casefold().replace("’", "'"))
    whole = "\n".join(orders._BLANKS.sub(" ", part) for part in orders._PARAGRAPH.split(unseen))
    assert _plain(text) == whole


@pytest.mark.slow
@pytest.mark.skipif("SYNTH_TEST_DATA" not in os.environ, reason="SYNTH_TEST_DATA is not set")
def test_no_verdict_on_real_questions_changes() -> None:
    files = sorted(Path(os.environ["SYNTH_TEST_DATA"]).glob("[bq]*/*.jsonl.gz"))
    assert files
    patch = pytest.MonkeyPatch()
    for path in files:
        with gzip.open(path, "rt") as lines:
            for line in [line for line, _ in zip(lines, range(400), strict=False)]:
                for text in filter(lambda value: isinstance(value, str), json.loads(line).values()):
                    for language in ("en", "und"):
                        told = broken_rule(text, language, STRICT)
                        assert told == plainly(text, language, STRICT), text[:200]
                    order = copied_order(text, [text])
                    with patch.context() as plain:
                        plain.setattr(orders, "_KINDS", [kind._replace(signs=("",)) for kind in _KINDS])
                        assert copied_order(text, [text]) == order
