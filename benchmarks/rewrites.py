r"""Other ways of writing an answer that mean the same, made by program: what an answer checker has to accept.

In: an answer of a benchmark. Out: (kind, answer as rewritten), at most one of each kind. Each rewrite follows from
how mathematics is written, and none from how the checker works.
"""

import re
from collections.abc import Callable, Iterator
from fractions import Fraction

Rewrite = Callable[[str], str | None]

_FRACTION = re.compile(r"(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_WHOLE = re.compile(r"-?\d+")
_GROUPED = re.compile(r"\d{1,3}(?:(?:\{,\}|,\\!|,)\d{3})+")
_ATOM = r"-?(?:\d+(?:\.\d+)?|\\frac\{\d+\}\{\d+\}|\d*\\sqrt\{\d+\})"
_LIST = re.compile(rf"({_ATOM})(?:\s*,\s*({_ATOM}))+")
_SET = re.compile(r"\\\{(.*)\\\}")
_UNIT = re.compile(r"(.*\d\}?)\s*\\(?:text|mathrm|mbox)\s*\{\s*~?([a-z ]+)\}(?:\^\{?[23]\}?)?")
_DEGREE = re.compile(r"(-?[\d.]+)\s*\^\s*\{?\s*\\circ\s*\}?")
_PERCENT = re.compile(r"(-?[\d.]+)\s*\\?%")
_NAMED = re.compile(r"[a-zA-Z]\s*=\s*([^=,]+)")


def bare(answer: str) -> str:
    """The answer without the dollars around the whole of it."""
    text = answer.strip()
    inner = text[1:-1]
    return inner.strip() if text[:1] == text[-1:] == "$" and len(text) > 2 and "$" not in inner else text


def _as_decimal(text: str) -> str | None:
    match = _FRACTION.fullmatch(text)
    if not match or not int(match[3]):
        return None
    value = Fraction(int(match[2]), int(match[3]))
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    places = max(value.denominator.bit_length(), 1)
    if rest != 1 or places > 12:
        return None
    return match[1] + f"{float(value):.{places}f}".rstrip("0").rstrip(".")


def _as_fraction(text: str) -> str | None:
    if not _DECIMAL.fullmatch(text):
        return None
    value = Fraction(text)
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _with_slash(text: str) -> str | None:
    match = _FRACTION.fullmatch(text)
    return f"{match[1]}{match[2]}/{match[3]}" if match else None


def _mixed(text: str) -> str | None:
    match = _FRACTION.fullmatch(text)
    if not match or not int(match[3]) or int(match[2]) < int(match[3]) or not int(match[2]) % int(match[3]):
        return None
    whole, rest = divmod(int(match[2]), int(match[3]))
    return rf"{match[1]}{whole}\frac{{{rest}}}{{{match[3]}}}"


def _reversed(text: str) -> str | None:
    if _LIST.fullmatch(text):
        return ", ".join(reversed([part.strip() for part in text.split(",")]))
    match = _SET.fullmatch(text)
    if match and _LIST.fullmatch(match[1].strip()):
        return r"\{" + ", ".join(reversed([part.strip() for part in match[1].split(",")])) + r"\}"
    return None


def _grouped(text: str) -> str | None:
    if not _WHOLE.fullmatch(text) or len(text.lstrip("-")) < 4:
        return None
    return f"{int(text):,}"


def _matched(pattern: re.Pattern[str], text: str, group: int = 1) -> str | None:
    match = pattern.fullmatch(text)
    return match[group].strip() if match else None


def _sized(text: str) -> str | None:
    if (
        "(" not in text
        or text.count("(") != text.count(")")
        or r"\left" in text
        or r"\(" in text
        or "[" in text
        or r"\text" in text
    ):
        return None
    return text.replace("(", r"\left(").replace(")", r"\right)")


REWRITES: dict[str, Rewrite] = {
    "fraction to decimal": _as_decimal,
    "decimal to fraction": _as_fraction,
    "fraction with a slash": _with_slash,
    "mixed number": _mixed,
    "frac to dfrac": lambda t: t.replace(r"\frac", r"\dfrac"),
    "frac without braces": lambda t: re.sub(r"\\frac\{(\d)\}\{(\d)\}", r"\\frac\1\2", t),
    "order of a set": _reversed,
    "left and right": _sized,
    "no left and right": lambda t: re.sub(r"\\(?:left|right)(?![a-z.])", "", t),
    "spaces around signs": lambda t: re.sub(r"(?<![\\^_{(\[,e])\s*([+=])\s*", r" \1 ", t),
    "thin spaces after commas": lambda t: t.replace(", ", r",\, ") if r"\text" not in t else None,
    "boxed": lambda t: rf"\boxed{{{t}}}" if t.count("{") == t.count("}") and "$" not in t else None,
    "dollars": lambda t: f"${t}$" if "$" not in t else None,
    "parentheses of LaTeX": lambda t: rf"\({t}\)" if "$" not in t else None,
    "full stop": lambda t: f"{t}.",
    "bold": lambda t: f"**{t}**",
    "thousands": _grouped,
    "thousands in LaTeX": lambda t: (_grouped(t) or "").replace(",", "{,}") or None,
    "no thousands": lambda t: re.sub(r"\D", "", t) if _GROUPED.fullmatch(t) else None,
    "point zero": lambda t: f"{t}.0" if _WHOLE.fullmatch(t) else None,
    "no unit": lambda t: _matched(_UNIT, t),
    "unit in mathrm": lambda t: t.replace(r"\text", r"\mathrm") if _UNIT.fullmatch(t) else None,
    "no degrees": lambda t: _matched(_DEGREE, t),
    "degree sign": lambda t: f"{m[1]}°" if (m := _DEGREE.fullmatch(t)) else None,
    "no percent": lambda t: _matched(_PERCENT, t),
    "percent as decimal": lambda t: (
        str(float(Fraction(m[1]) / 100)) if (m := _PERCENT.fullmatch(t)) else None
    ),
    "no name": lambda t: _matched(_NAMED, t),
    "a name": lambda t: f"x = {t}" if _WHOLE.fullmatch(t) or _FRACTION.fullmatch(t) else None,
    "root without braces": lambda t: re.sub(r"\\sqrt\{(\d)\}", r"\\sqrt\1", t),
    "cdot to times": lambda t: re.sub(r"\\cdot(?![a-z])", r"\\times", t),
    "le to leq": lambda t: re.sub(r"\\(le|ge)(?![a-z])", r"\\\1q", t),
    "words in text": lambda t: rf"\text{{{t}}}" if re.fullmatch(r"[A-Za-z][a-z ]+", t) else None,
}


def rewrites(answer: str) -> Iterator[tuple[str, str]]:
    """Each rewrite that changes the answer."""
    text = bare(answer)
    for kind, rewrite in REWRITES.items():
        found = rewrite(text)
        if found is not None and found != text:
            yield kind, found
