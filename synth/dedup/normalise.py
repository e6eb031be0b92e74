r"""The form in which two texts are compared: tokens that survive case, spacing, markup and LaTeX dress.

In: any text. Out: tokens. What changes a problem stays a token: operators, signs,
relations, brackets, decimal points (3+5 is not 3-5, x<2 is not x>2, 0.5 is not 05). What does not
change it goes: case, sentence punctuation, `$`, `\left`, `\,`, `**bold**`.

Plain NFKC would turn x² into x2 and 1½ into 11/2, so superscripts become `^` and fractions are set
apart before it is applied; the rest of NFKC (full width, ligatures, ℝ) joins only spellings.
Scripts that are written without spaces give one token a character, so that n-grams of tokens are
n-grams of characters there.
"""

import html
import re
import unicodedata
from collections.abc import Sequence

from synth.text import cut_marks

SIGNS = {
    "×": "*", "·": "*", "∙": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/", "⁄": "/", "−": "-", "‐": "-",
    "–": "-", "＝": "=", "′": "'", "’": "'", "‘": "'", "∣": "|", "⩽": "≤", "⩾": "≥", "º": "°",
}  # fmt: skip

# LaTeX commands and the sign that other people write for them; any other command is read as a word.
COMMANDS = {
    "times": "*", "cdot": "*", "ast": "*", "div": "/", "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥",
    "geq": "≥", "geqslant": "≥", "ne": "≠", "neq": "≠", "lt": "<", "gt": ">", "pm": "±", "mp": "∓",
    "approx": "≈", "equiv": "≡", "sim": "∼", "infty": "∞", "to": "→", "rightarrow": "→", "in": "∈",
    "notin": "∉", "cup": "∪", "cap": "∩", "subset": "⊂", "subseteq": "⊆", "sqrt": "√", "circ": "°",
    "degree": "°", "sum": "∑", "prod": "∏", "int": "∫", "partial": "∂", "angle": "∠", "perp": "⊥",
    "parallel": "∥", "triangle": "△", "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "lfloor": "⌊",
    "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "langle": "⟨", "rangle": "⟩", "prime": "'", "forall": "∀",
    "exists": "∃", "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε",
    "varepsilon": "ε", "theta": "θ", "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "xi": "ξ",
    "eta": "η", "zeta": "ζ", "kappa": "κ",
}  # fmt: skip

# Commands that only set type, size or space.
SILENT = """
left right big bigl bigr bigg biggl biggr quad qquad displaystyle textstyle limits nolimits text textbf textit
textrm texttt mathrm mathbf mathit mathbb mathcal mathsf mbox emph operatorname boldsymbol hfill newline
noindent dots ldots cdots hspace vspace underline
"""

KEPT_PUNCTUATION = frozenset("+-*/%&#!'|()[]⌊⌋⌈⌉⟨⟩")
# Raised with every change of what tokens a text has: an index of another version is not mixed with this one.
VERSION = 3

BRACKETS = frozenset("()[]'&#|!")
MARKS = ("!", "'")
_SPACELESS = ("CJK ", "HIRAGANA ", "KATAKANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ")

_SILENT = frozenset(SILENT.split())
SUPERSCRIPTS = re.compile("[⁰¹²³⁴-⁹⁺⁻ⁿⁱ]+")
_FRACTIONS = re.compile("[¼-¾⅐-⅞]")
_DEGREE = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-z])|°)")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[^{}]{0,40}\}")
_TYPESET = re.compile(r"\\(?:text[a-z]{0,2}|math[a-z]{2,3}|mbox|emph|operatorname)\s*\{([^{}]{0,2000})\}")
_SHORT_FRACTION = re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]{0,400})\}\s*\{([^{}]{0,400})\}")
_STYLED = re.compile("^[dtc]frac$")
_COMMAND = re.compile(r"\\([a-z]+)")
_ESCAPE = re.compile(r"\\[\\,;:!()\[\]\s]")
# What sets no sign and parts no word: a place for a hyphen, an empty group.
_SOFT_HYPHEN = re.compile(r"(?<=[^\W\d_])\\-(?=[^\W\d_])")
_EMPTY = re.compile(r"(?<=[^\W\d_])\{\}(?=[^\W\d_])")
_ATOM = re.compile(r"\s*(?:\d+(?:\.\d+)?|[^\W\d_]+)\s*")
_GROUP = re.compile(r"\{\s*(\d+(?:\.\d+)?|[^\W\d_]+)\s*\}")
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*?)(?=[^\s*])([^*\n]{1,400})(?<=\S)\1(?![\w*])")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_APOSTROPHE = re.compile(r"(?<=[a-z]{2})'(?=[a-z])")
# `synth_scan` of the kernel leaves texts with the first two to this module.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f]")
# Unicode's Default_Ignorable_Code_Point beyond its format characters, and controls that are no white space.
_IGNORED = (
    (0x00, 0x08), (0x0E, 0x1B), (0x1F, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0x34F, 0x34F), (0x115F, 0x1160),
    (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065), (0x3164, 0x3164), (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
)  # fmt: skip
_BLANK_PATTERN = "\u2800"  # Braille without a dot is white space to whoever looks at it
_TOKEN = re.compile(r"\d+(?:\.\d+)*|(?<!\S)\.\d+|[^\s\d.]+")
_RELATIONS = (("<=", " ≤ "), (">=", " ≥ "), ("!=", " ≠ "), ("---", " "), ("{,}", ","))


def tokens(text: str) -> list[str]:
    """The text as tokens, in order; joined by spaces and split again they are the same."""
    if "&" in text:
        text = _ENTITY.sub(lambda m: html.unescape(m[0]), text)
    text = fold(text)
    for written, read in _RELATIONS:
        text = text.replace(written, read)
    # Twice: of `**at \(x\)**` LaTeX leaves a blank, which no mark follows; and marks stand within marks.
    text = _EMPHASIS.sub(r"\2", _without_latex(_EMPHASIS.sub(r"\2", text)))
    text = _THOUSANDS.sub(lambda m: m[0].replace(",", ""), text)
    text = _APOSTROPHE.sub("", text).translate(APART)
    found = ["0" + t if t[0] == "." else t for t in _TOKEN.findall(text)]
    return _without_punctuation(found)


def comparable(text: str) -> str:
    """The text in the form that makes exact duplicates equal."""
    return " ".join(tokens(text))


def words(text: str) -> list[str]:
    """The words and numbers alone, for searching: in formulas signs would make up most of a run."""
    return spoken(tokens(text))


def spoken(found: Sequence[str]) -> list[str]:
    """The words and numbers among tokens."""
    return [token for token in found if token[0].isalnum()]


def unbracketed(found: Sequence[str]) -> list[str]:
    """The tokens without brackets and marks: nobody hides a copy behind parentheses."""
    return [token for token in found if token not in BRACKETS]


def fold(text: str) -> str:
    """Case and compatibility forms folded, as Unicode's NFKC_Casefold does it, superscripts kept apart."""
    if text.isascii():
        return _CONTROLS.sub("", text).lower()
    text = cut_marks(text.translate(_INVISIBLE))
    text = SUPERSCRIPTS.sub(lambda m: "^" + m[0], text)
    text = _FRACTIONS.sub(lambda m: f" {m[0]} ", text)
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", text.casefold()).translate(_SIGNS)


def _without_latex(text: str) -> str:
    if "\\" in text:
        text = _DEGREE.sub("°", _ENVIRONMENT.sub(" ", text))
        text = _SHORT_FRACTION.sub(r" \1/\2 ", _TYPESET.sub(r" \1 ", text))
        # Fractions in fractions, from the inside out; deeper ones keep the word `frac`.
        for _ in range(4):
            text = _FRACTION.sub(_as_quotient, text)
        text = _SOFT_HYPHEN.sub("", _COMMAND.sub(_command, _ESCAPE.sub(" ", text)))
    if "{" in text:
        text = _GROUP.sub(r" \1 ", _EMPTY.sub("", text))
    return text


def _as_quotient(match: re.Match[str]) -> str:
    above, below = (part if _ATOM.fullmatch(part) else f"({part})" for part in match.groups())
    return f" {above} / {below} "


def _command(match: re.Match[str]) -> str:
    name = _STYLED.sub("frac", match[1])
    return " " if name in _SILENT else f" {COMMANDS.get(name, name)} "


def _without_punctuation(found: list[str]) -> list[str]:
    """Drops `!` and `'` where they are no factorial and no prime, `-` where it only joins two words."""
    if "!" in found or "'" in found:
        kept: list[str] = []
        for token in found:
            if token in MARKS and not (kept and _may_be_marked(kept[-1])):
                continue
            kept.append(token)
        found = kept
    if "-" not in found:
        return found
    last = len(found) - 1
    joins = {
        place
        for place, sign in enumerate(found)
        if sign == "-" and 0 < place < last and _is_word(found[place - 1]) and _is_word(found[place + 1])
    }
    return [token for place, token in enumerate(found) if place not in joins]


def _may_be_marked(token: str) -> bool:
    return token in (")", "'") or token[0].isdigit() or (len(token) == 1 and token.isalpha())


def _is_word(token: str) -> bool:
    return len(token) > 1 and token.isalpha()


class _Apart(dict[int, str]):
    """How each character stands in the split text: itself, a space, or set apart as a token of its own."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _placed(chr(code))
        return found


def _placed(char: str) -> str:
    if char in "{}":
        return " ( " if char == "{" else " ) "
    if char in KEPT_PUNCTUATION:
        return f" {char} "
    if char in "$`~" or char == _BLANK_PATTERN:
        return " "
    category = unicodedata.category(char)
    if category[0] in "LM":
        return f" {char} " if unicodedata.name(char, "").startswith(_SPACELESS) else char
    if category == "Nd" or char == ".":
        return char
    return f" {char} " if category[0] in "NS" else " "


def is_invisible(code: int) -> bool:
    """Whether a character is deleted before anything else is looked at."""
    return unicodedata.category(chr(code)) == "Cf" or any(first <= code <= last for first, last in _IGNORED)


class _Invisible(dict[int, int | None]):
    """Deletes what cannot be seen (zero-width, soft hyphen, direction marks, fillers), keeps the rest."""

    def __missing__(self, code: int) -> int | None:
        self[code] = found = None if is_invisible(code) else code
        return found


APART = _Apart()
_INVISIBLE = _Invisible()
_SIGNS = str.maketrans(SIGNS)
