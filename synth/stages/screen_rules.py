"""Format rules: what a question looks like that cannot be used, however good its mathematics.

In: a question, its language, the settings. Out: the first rule that it breaks, with a clause that says
how (SwS drops multiple-choice, multi-part and proof problems; the rest is ours). Rules are
phrases, so they know English and a little Chinese; in another language a rule that is unsure is silent.
Code, figures written as code, and quoted speech are not read: what stands there asks nobody.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from synth.config import ScreenConfig
from synth.dedup.normalise import tokens


class Broken(NamedTuple):
    """A rule that a question breaks, as a reason of `schemas.REASONS`, and how."""

    reason: str
    detail: str


class Phrases(NamedTuple):
    """A pattern, and signs of which one stands, in lower case, in all that it finds.

    Looking for signs takes a thirtieth of the time. A test draws texts from the patterns.
    """

    pattern: re.Pattern[str]
    signs: tuple[str, ...]


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


def _said(signs: str, *patterns: str) -> Phrases:
    return Phrases(_any(*patterns), tuple(signs.split("|")))


# Scripts without spaces: two characters are about a word.
SPACELESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
# A longer run without a space is a formula, an address or noise, and counts as several words.
WORD_CHARS = 40
# Nothing so long can be short enough, whatever it is made of; so it is not even split.
CHARS_PER_WORD = 200

# Shorter repetitions are patterns that a question may be about (`121212`, `abababab`).
REPEATED_CHARS = 20
# Within so long a repetition every eighth place has eight characters that stand again nearby.
STEP, AGAIN = 8, 8

ENGLISH = frozenset(("en", "eng", "english"))
# Also full width, Arabic, Armenian, Ethiopic; and the Greek one, which only looks like a semicolon.
QUESTION_MARKS = re.compile("[?\uff1f\u061f\u055e\u1367\u037e]")

# What opens a clause that asks or instructs, in mathematics, science and programming.
ASKING = """
what which who whom whose when where why how is are do does can
add analy[sz]e answer apply approximate arrange assess balance build calculate change check choose cite
classify combine compare complete compose compute conceive consider construct contrast convert count craft
create debug decide decipher decode decrypt deduce define delete demonstrate derive describe design detect
determine develop devise diagonali[sz]e differentiate discuss display distribute divide draft draw edit
encode enter estimate evaluate examine expand explain express extend extract factor(?:i[sz]e)? fill find fix
flip form formulate generate give given graph group identify illustrate implement improve infer inspect
integrate interpret invert justify label list locate make match maximi[sz]e merge minimi[sz]e model modify
multiply name normali[sz]e obtain optimi[sz]e order organi[sz]e outline output perform plan plot predict
prepare print produce propose prove provide put query rank rate rationali[sz]e read rearrange recommend
reduce refactor remove reorder replace restructure return reverse review rewrite round select show simplify
sketch solve sort specify split state study subtract suggest summari[sz]e suppose suppress swap tell test
trace transform translate try update use using verify write
"""
_CLAUSE = r"(?:^|[.!?:;,$)\]}\"'*>]|\b(?:and|then|please|to|also|must|should|you|by)\b)[\s\W]{0,4}"
ASKS = _any(
    rf"{_CLAUSE}(?:{'|'.join(ASKING.split())})\b", r"\bhow (?:many|much|long|far|old|often|fast|tall)\b"
)
# A blank to fill in, a claim to judge, an equation left open, and the head of a function also ask.
ASKS_BY_FORM = _any(
    r"_{2,}",
    r"\btrue or false\b",
    r"=\s*\$?\s*$",
    r"^\s*(?:def|class|function|func|fn|public|private|static)\s+\w",
)

CHOICE_PHRASES = _said(
    "of the following|of these | answer| option| choice|of the above|true or false|/f|/ f|下列",
    r"\bwhich (?:one )?of (?:the following|these (?:options|statements|choices))\b",
    r"\b(?:select|choose|pick|circle) (?:the |all )?(?:correct|right|best|true) (?:answer|option|choice)",
    r"\b(?:all|none|both) of the above\b",
    # Not "returns true or false", which is what a function does.
    r"(?:^|[.:] )true or false\b",
    r"\btrue or false ?\?",
    r"\b(?:state|determine|decide|is it) (?:(?!\breturn)[^.?!\n]){0,120}\btrue or false\b",
    r"\(\s*(?:true|t) ?/ ?(?:false|f)\s*\)",
    "下列(?:选项|说法|各项)",
)
# Labels of choices: three in a text, or two that each open a line.
CHOICES = re.compile(r"(?:^|[\s{])\(?([A-E])\)", re.MULTILINE)
CHOICE_LINES = re.compile(r"^[(\[]?([A-E])[).:、．\]]", re.MULTILINE)

PART_PHRASES = _said(
    " the following |part ",
    r"\banswer (?:each of )?the following (?:\w+ )?questions\b",
    r"^part \(?[a-d1-4]\)? ?[:.)]",
)
PARTS = re.compile(r"(?:^|\s)\(?([a-h])\)\s+(?=[A-Za-z$\\\"])", re.MULTILINE)
ROMAN_PARTS = re.compile(r"(?:^|\s)\((i{1,3}|iv|v)\)\s+(?=[A-Za-z$\\\"])", re.MULTILINE)
# A question mark that ends a sentence, not one inside a formula.
SENTENCE_ASKS = re.compile(r"[\w)$%\]}][?？](?=\s|$)", re.MULTILINE)

_BEGINS = r"(?:^|[.?!:;,$] ?|\b(?:and|to|please|then) )"
PROOFS = _said(
    "show |demonstrate |establish |verify |prove| proof|证明",
    rf"{_BEGINS}(?:show|demonstrate|establish|verify) (?:that|by|the (?:claim|following))\b",
    rf"{_BEGINS}(?:dis)?prove\b",
    r"\b(?:give|write|provide|construct|find) (?:a|the) (?:\w+ )?proof\b",
    "证明",
)

_SOURCE = (
    "(?:passage|text|article|document|excerpt|reading|textbook|author|paper|lecture|section|chapter|story)"
)
_GIVEN = "(?:mentioned|discussed|described|presented|introduced|defined|outlined|stated|explained)"
_FIGURE = "(?:figure|diagram|graph|picture|image|chart|table|plot|illustration|map|drawing|photo)"
_SHOWN = "(?:shown|given|drawn|pictured|depicted|illustrated)"
NEEDS_SOURCE = _said(
    "according to th|based on th|referring to th|passage|excerpt|article|textbook| above| says|"
    " states| mentions| describes| discusses| defines| explains|ed in th|theorem |lemma |corollary |"
    "definition |exercise |listing |table |section |chapter |appendix |equation|eq.|formula|"
    "inequality|previous |preceding |earlier |last |above | before|根据",
    # Something that the reader would have had to read.
    rf"\b(?:according to|based on|referring to) (?:the|this) (?:\w+ )?{_SOURCE}\b",
    r"\b(?:in|from) (?:the|this) (?:given |provided |above )?(?:passage|excerpt|article|textbook)\b",
    rf"\b(?:the|this) {_SOURCE} (?:above|says|states|mentions|describes|discusses|defines|explains)\b",
    rf"\b{_GIVEN} in (?:the|this) {_SOURCE}\b",
    # A part of it, by its number.
    r"\b(?:theorem|lemma|corollary|definition|exercise|listing) \d+(?:\.\d+)*\b",
    r"\b(?:in|from|see|of|using) (?:table|section|chapter|appendix) \d+(?:\.\d+)*\b",
    r"\b(?:equation|eq\.|formula|inequality) ?\(?\d+(?:\.\d+)*\)",
    # Another question.
    r"\b(?:previous|preceding|earlier|last|above) (?:question|problem|exercise|example|part)\b",
    r"\b(?:the|this) (?:question|problem|exercise|example) (?:above|before)\b",
    "根据(?:上文|文章|短文|材料)",
)
# A figure or table; accepted where the question draws it itself.
NEEDS_FIGURE = _said(
    "figure|fig.|diagram| above| below| right|n in th|n on th|d in th|d on th| shown| pictured|"
    " depicted|the above |the following |the accompanying |the adjacent |如图|下图|上图",
    r"\bfigure \d|\bfig\. ?\d",
    r"\b(?:in|from|on|refer to|see|using) (?:the|this) (?:given |following |adjacent )?(?:figure|diagram)\b",
    rf"\b{_FIGURE}s? (?:is |are |as )?(?:{_SHOWN} )?(?:above|below|at (?:the )?right|to the right)\b",
    rf"\b{_SHOWN} (?:in|on) (?:the|this) (?:\w+ )?{_FIGURE}\b",
    r"\b(?:as|is|are) (?:shown|pictured|depicted)(?: (?:above|below|here))?[.,?]",
    rf"\bthe (?:above|following|accompanying|adjacent) {_FIGURE}\b",
    "如图|下图|上图",
)
FIGURES = _any(
    r"\[asy\]", r"\\begin\{(?:tikzpicture|tabular|array)", r"^[^|\n]*\|[^|\n]*\|", r"<svg|<table", r"!\["
)

# What only prompts hold: their delimiters, marks of chat templates, unfilled variables.
ECHOES = _said(
    "<|inst]|{{ |reply with |respond with |the passage |the concepts ",
    r"</?(?:passage|question|concepts|key_concepts|topics|unsuitable|kind)\s*/?>",
    r"^</?(?:item|level|subject|reply|answer)\s*/?>",
    r"<\|[a-z_]{2,20}\|>|\[/?INST\]|<</?SYS>>|</?s>",
    r"\{\{ \w[^{}\n]{0,40}\}\}",
    r"\b(?:reply|respond) with (?:one|a) (?:block|json|list)\b",
    r"\bthe (?:passage|concepts) (?:below|above) (?:is|are) (?:material|data)\b",
)

# A model that has lost its way: the same few words four times and more in a row. Not `....` or `1000000`;
# and nothing with an operator in it, as `6^x + 6^x + 6^x + 6^x` is mathematics.
UNIT_CHARS = 40
REPETITION = re.compile(rf"(?=[^\W_])([^+*•·×^(){{}}\\=/-]{{2,{UNIT_CHARS}}}?)\1{{3,}}")

# What patterns take for a letter of English when they do not look at case; `lower` alone leaves them.
_AS_ASCII = str.maketrans("\u017f\u212a\u0130\u0131", "skii")

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_DRAWN = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)", re.DOTALL)
_QUOTED = re.compile(r"[\"“][^\"“”\n]{0,400}[\"”]")


def broken_rule(question: str, language: str, config: ScreenConfig) -> Broken | None:
    """The first rule that a question breaks, or None."""
    if broken := _size(question, config):
        return broken
    # One space between words and no empty lines: no pattern can be made to run long on white space.
    text = "\n".join(" ".join(line.split()) for line in question.splitlines() if line.strip())
    prose = _Prose.of(_DRAWN.sub(" ", _CODE.sub(" ", text)))
    checks: Iterable[Callable[[], Broken | None]] = (
        lambda: _says("echoed_prompt", ECHOES, prose),
        lambda: _repeats(prose.text),
        lambda: _asks_nothing(text, language),
        lambda: _choices(prose) if config.reject_multiple_choice else None,
        lambda: _parts(prose) if config.reject_multiple_parts else None,
        lambda: _says("proof", PROOFS, prose) if config.reject_proofs else None,
        lambda: _says("needs_source", NEEDS_SOURCE, prose),
        lambda: _needs_figure(text, prose),
    )
    return next((broken for check in checks if (broken := check())), None)


class _Prose(NamedTuple):
    """What is said, and the same in lower case as patterns see it when they do not look at case."""

    text: str
    folded: str

    @classmethod
    def of(cls, text: str) -> "_Prose":
        return cls(text, (text if text.isascii() else text.translate(_AS_ASCII)).lower())


def count_words(text: str) -> int:
    """Words between spaces; two characters of a script without spaces are one."""
    characters = len(SPACELESS.findall(text))
    rest = SPACELESS.sub(" ", text) if characters else text
    return (characters + 1) // 2 + sum(1 + len(word) // WORD_CHARS for word in rest.split())


def _size(question: str, config: ScreenConfig) -> Broken | None:
    if len(question) > CHARS_PER_WORD * config.max_words:
        return Broken("too_long", f"{len(question)} characters, at most {config.max_words} words")
    found = count_words(question)
    if found > config.max_words:
        return Broken("too_long", f"{found} words, at most {config.max_words}")
    # A formula without spaces is one word, yet `Solve $x^2=9$` lacks nothing: its tokens count.
    found = max(found, len(tokens(question))) if found < config.min_words else found
    if found < config.min_words or not any(map(str.isalnum, question)):
        return Broken("too_short", f"{found} words, at least {config.min_words}")
    return None


def _asks_nothing(text: str, language: str) -> Broken | None:
    if language.lower().split("-")[0] not in ENGLISH or QUESTION_MARKS.search(text):
        return None
    if _is_foreign(text) or ASKS.search(text) or ASKS_BY_FORM.search(text):
        return None
    return Broken("not_a_question", "no question mark, and no clause that asks or instructs")


def _is_foreign(text: str) -> bool:
    """Whether most letters are none of English."""
    if text.isascii():
        return False
    letters = [char for char in text if char.isalpha()]
    return 2 * sum(map(str.isascii, letters)) < len(letters)


def _repeats(prose: str) -> Broken | None:
    for found in REPETITION.finditer(prose) if _may_repeat(prose) else ():
        if len(set(found[1])) > 1 and len(found[0]) >= REPEATED_CHARS:
            times = len(found[0]) // len(found[1])
            return Broken("repetitive", f"says `{found[1][:40]}` {times} times in a row")
    return None


def _may_repeat(prose: str) -> bool:
    """Whether something stands again at most a unit further on, as it does within every long repetition.

    A unit of n characters that stands four times leaves 3n after the first, and 20 leave 15 after 5. A
    multiple of `STEP` is at most `STEP - 1` in, and the `AGAIN` characters there stand again n further on.
    """
    return any(
        prose.find(prose[at : at + AGAIN], at + 1, at + AGAIN + UNIT_CHARS) >= 0
        for at in range(0, len(prose) - AGAIN, STEP)
    )


def _choices(prose: _Prose) -> Broken | None:
    text = prose.text
    listed = "A)" in text and "B)" in text and "C)" in text and "ABC" in "".join(CHOICES.findall(text))
    if listed or ("\n" in text and "AB" in "".join(CHOICE_LINES.findall(text))):
        return Broken("multiple_choice", "lists choices by letter")
    return _says("multiple_choice", CHOICE_PHRASES, prose)


def _parts(prose: _Prose) -> Broken | None:
    text = prose.text
    lettered = "a)" in text and "b)" in text and "ab" in "".join(PARTS.findall(text))
    if lettered or ("(ii)" in text and {"i", "ii"} <= set(ROMAN_PARTS.findall(text))):
        return Broken("multiple_parts", "lists parts by letter or numeral")
    if text.count("?") + text.count("？") > 1:
        asked = len(SENTENCE_ASKS.findall(_QUOTED.sub(" ", text)))
        if asked > 1:
            return Broken("multiple_parts", f"asks {asked} questions")
    return _says("multiple_parts", PART_PHRASES, prose)


def _needs_figure(text: str, prose: _Prose) -> Broken | None:
    """A figure that the question does not draw itself."""
    broken = _says("needs_source", NEEDS_FIGURE, prose)
    return None if broken and FIGURES.search(text) else broken


def _says(reason: str, phrases: Phrases, prose: _Prose) -> Broken | None:
    if not any(sign in prose.folded for sign in phrases.signs):
        return None
    found = phrases.pattern.search(prose.text)
    return Broken(reason, f"says `{' '.join(found[0].split())[:60]}`") if found else None
