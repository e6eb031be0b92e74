r"""An answer in plain dress: what only sets type is gone, and each sign is written in one way.

In: an answer as a model or a benchmark wrote it, of bounded length. Out: the same in one line, in which
`\frac`, `\sqrt` and names of functions are the only commands that rules have to know. `\text{…}` becomes
`"…"`, `\{…\}` becomes `⦃…⦄`, a currency sign `＄`, and environments of matrices stay as they are.
"""

import re
import unicodedata

from synth.text import cut_marks

# Signs that Unicode's compatibility forms would read wrongly, so they go first: x² is not x2.
_BEFORE = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "×": "*", "·": "*", "∙": "*", "⋅": "*", "∗": "*", "÷": "/",
    "⁄": "/", "∕": "/", "：": ":", "√": r"\sqrt ", "′": "'", "’": "'", "‘": "'", "“": " ", "”": " ",
    '"': " ", "⩽": "≤", "⩾": "≥", "≦": "≤", "≧": "≥", "º": "°", "℃": "°C", "Ø": "∅", "⊘": "∅",
    "٫": ".", "٬": ",", "、": ",", "，": ",", "؛": ";", "،": ",", "。": ".", "∶": ":", "…": "...",
    "\u200b": "", "\ufeff": "", "€": " euro ", "£": " pound ", "¥": " yen ", "₹": " rupee ",
}  # fmt: skip
_SUPERSCRIPT = re.compile("[⁰¹²³⁴-⁹⁺⁻ⁿⁱ]+")
_SUBSCRIPT = re.compile("[₀-₉]+")
_VULGAR = re.compile("[¼-¾⅐-⅞]")

_COMMANDS = {
    "dfrac": r"\frac", "tfrac": r"\frac", "cfrac": r"\frac", "dbinom": r"\binom", "tbinom": r"\binom",
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥",
    "geq": "≥", "geqslant": "≥", "ne": "≠", "neq": "≠", "lt": "<", "gt": ">", "pm": "±", "mp": "∓",
    "infty": "∞", "pi": "π", "cup": "∪", "cap": "∩", "in": "∈", "emptyset": "∅", "varnothing": "∅",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "lbrace": "⦃", "rbrace": "⦄", "degree": "°",
    "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉",
    "approx": "≈", "sim": "≈", "simeq": "≈", "lor": " or ", "vee": " or ", "land": " and ",
    "wedge": " and ", "euro": " euro ", "pounds": " pound ", "to": "→", "rightarrow": "→",
    "Rightarrow": "→", "implies": "→", "setminus": "∖", "backslash": "∖", "prime": "'", "lbrack": "[",
    "rbrack": "]", "colon": ":", "imath": "i", "dots": "...", "ldots": "...", "cdots": "...",
}  # fmt: skip
_SILENT_TEXT = """
left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle textstyle limits nolimits hfill
newline noindent rm bf it sf boldmath scriptstyle nonumber tiny small large normalsize
"""
_SILENT = frozenset(_SILENT_TEXT.split())
_SPACES = frozenset(["quad", "qquad", "enspace", "thinspace", "hspace", "space"])
_LETTERS = re.compile(
    r"\\(?:mathbf|boldsymbol|vec|hat|overline|bar|mathcal|mathit|mathsf|bm|underline|tilde|widehat|pmb)"
    r"\s*(?:\{([^{}]{0,40})\}|([A-Za-z]))"
)
_NUMBERS = re.compile(r"\\mathbb\s*\{?\s*([A-Z])\s*\}?")
_TEXT = re.compile(
    r"\\(?:text[a-z]{0,6}|mathrm|mbox|hbox|operatorname\*?|emph)\s*\{((?:[^{}]|\{[^{}]{0,200}\}){0,900})\}"
)
_COMMAND = re.compile(r"\\([a-zA-Z]+)\*?")
_DEGREE = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z])|°|\{\s*°\s*\})|\\circ(?![a-zA-Z])")
_THIN = re.compile(r"(?<=\d)(?:\{,\}|,?\\!|\\,|\\ |~)(?=\d{3}(?!\d))")
_GROUPS = re.compile(r"(?<![\d.,\w])\d{1,3}(?: \d{3})+(?![\d.,]?\d)")
_ESCAPED = re.compile(r"(?<!\\)\\([,;:! >/])")
_POWER = re.compile(r"(?<=[\w)}\]])\*\*(?=[\w({\\-])")
_SHORT_FRACTION = re.compile(r"\\frac\s*(\d)\s*(\d)")
_MIXED = re.compile(r"(?<![\d.\w^_])(\d{1,15}) +(\d{1,15}) ?/ ?(\d{1,15})(?![\d.])")
# `\mathrm{m} / \mathrm{s}` is one unit.
_QUOTIENT = re.compile(r'"([^"]*)"\s*([/*-])\s*"([^"]*)"')
_BOLD = re.compile(r"^\s*(\*\*|__|`)(.*)\1\s*$", re.DOTALL)
_BOXED = re.compile(r"^\s*\\(?:boxed|fbox|framebox)\s*\{(.*)\}\s*$", re.DOTALL)
_DOLLARS = re.compile(r"\$\$?([^$]*)\$\$?")
_SPACE = re.compile(r"\s+")
_LOOSE = re.compile(r"(?<![\w.]) | (?![\w.])")
MATHS = ("$", "\\", "^", "_", "=", "{")


def plain_dress(text: str) -> str:
    """The answer in one line, without what only sets type."""
    text = _unwrapped(_folded(text))
    text = _THIN.sub("", _POWER.sub("^", text)).replace(r"\$", "＄").replace(r"\%", "%").replace(r"\#", "#")
    text = text.replace(r"\{", "⦃").replace(r"\}", "⦄").replace(r"\|", "‖").replace(r"\&", " and ")
    text = _without_delimiters(text)
    if "\\" in text:
        text = _commands(text)
    text = _QUOTIENT.sub(r'"\1 \2 \3"', text)
    text = _MIXED.sub(r"(\1+\2/\3)", _GROUPS.sub(lambda m: m[0].replace(" ", ""), _SPACE.sub(" ", text)))
    return text.strip().strip("`").rstrip(".,;:。 ").strip()


def normal_form(dressed: str) -> str:
    """The key by which equal spellings are found without any reading: spaces only stay between words."""
    return _LOOSE.sub("", dressed)


def is_formula(text: str) -> bool:
    """Whether an answer, as it was written, shows signs of mathematics beyond plain numbers and words."""
    return any(mark in text for mark in MATHS)


def _folded(text: str) -> str:
    """One form of digits, signs and letters of all scripts."""
    if not text.isascii():
        text = cut_marks(text)
        text = _SUPERSCRIPT.sub(lambda m: "^{" + unicodedata.normalize("NFKC", m[0]) + "}", text)
        text = _SUBSCRIPT.sub(lambda m: "_{" + unicodedata.normalize("NFKC", m[0]) + "}", text)
        text = _VULGAR.sub(_fraction, text)
        text = unicodedata.normalize("NFKC", text.translate(_TABLE)).translate(_TABLE)
        return "".join(_digit(c) for c in text)
    return text.translate(_TABLE)


def _fraction(match: re.Match[str]) -> str:
    above, below = unicodedata.normalize("NFKC", match[0]).split("⁄")
    return rf"\frac{{{above}}}{{{below}}}"


def _digit(char: str) -> str:
    return char if char.isascii() or not char.isdecimal() else str(unicodedata.decimal(char))


def _unwrapped(text: str) -> str:
    r"""Without bold, `\boxed{…}` and white space around the whole of it."""
    for _ in range(4):
        if match := _BOLD.match(text):
            text = match[2]
        elif (match := _BOXED.match(text)) and is_balanced(match[1]):
            text = match[1]
        else:
            return text.strip()
    return text.strip()


def is_balanced(text: str) -> bool:
    """Whether each brace has its partner within the text."""
    depth = 0
    for place, char in enumerate(text):
        if char in "{}" and (place == 0 or text[place - 1] != "\\"):
            depth += 1 if char == "{" else -1
            if depth < 0:
                return False
    return depth == 0


def _without_delimiters(text: str) -> str:
    r"""Without `$…$`, `\(…\)` and `\[…\]`; a dollar that encloses nothing is a currency."""
    text = re.sub(r"\\\\\[[^\]]{0,20}\]", r"\\\\", text)  # space between rows, no formula
    text = re.sub(r"(?<!\\)\\[()\[\]]", " ", text)
    if text.count("$") > 1:
        text = _DOLLARS.sub(r" \1 ", text)
    return text.replace("$", "＄")


def _commands(text: str) -> str:
    """Each command in the one form that rules know, or as it is."""
    text = _NUMBERS.sub(lambda m: _BLACKBOARD.get(m[1], m[1]), _DEGREE.sub("°", text))
    text = _TEXT.sub(_quoted, text)
    for _ in range(2):
        text = _LETTERS.sub(lambda m: f" {m[1] or m[2]} ", text)
    text = _ESCAPED.sub(lambda m: "" if m[1] == "!" else " ", text)
    return _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", _COMMAND.sub(_command, text).replace("~", " "))


def _quoted(match: re.Match[str]) -> str:
    """Words as words; a letter or the name of a function as what it is."""
    inner = match[1].replace("~", " ").replace("\\", " ").strip()
    if inner in FUNCTIONS and inner not in _MEASURES:
        return rf"\{inner} "
    if len(inner) == 1 and match[0].startswith((r"\mathrm", r"\oper")) and inner in "eidxC":
        return f" {inner} "
    if re.fullmatch(r"[\d\s.,()+\-*/%°]*", inner):
        return f" {inner} "
    return f' "{inner}" ' if inner else " "


def _command(match: re.Match[str]) -> str:
    name = match[1]
    if name in _SILENT:
        return ""
    if name in _SPACES:
        return " "
    return _COMMANDS.get(name, match[0])


FUNCTIONS_TEXT = """
sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp lg max min gcd lcm det sgn arccot
arcsec arccsc coth sech csch deg
"""
FUNCTIONS = frozenset(FUNCTIONS_TEXT.split())
_MEASURES = ("sec", "min", "deg")
_BLACKBOARD = {"R": "ℝ", "Z": "ℤ", "N": "ℕ", "Q": "ℚ", "C": "ℂ"}
_TABLE = str.maketrans(_BEFORE)
