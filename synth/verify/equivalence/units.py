"""Units and currencies: which words are units, and how those of one kind stand to each other.

A unit is (kind, factor). Quantities of one kind are compared after conversion: 1 km is 1000 m, 50 cents are
$0.50. A number without a unit is compared as it is written, so 5 km is 5. Words that are in no table (apples,
students) are units of their own, which nobody can convert.
"""

from fractions import Fraction
from typing import NamedTuple


class Unit(NamedTuple):
    """What is measured, and how much of the base unit one of these is."""

    kind: str
    factor: Fraction


def _table(kind: str, rows: str) -> dict[str, Unit]:
    found = {}
    for row in rows.split(";"):
        factor, *names = row.split()
        found.update(dict.fromkeys(names, Unit(kind, Fraction(factor))))
    return found


UNITS: dict[str, Unit] = {
    **_table(
        "length",
        "1/1000 mm millimeter millimetre; 1/100 cm centimeter centimetre; 1/10 dm decimeter decimetre; "
        "1 m meter metre; 1000 km kilometer kilometre; 127/5000 in inch inche; 381/1250 ft foot feet; "
        "1143/1250 yd yard; 201168/125 mi mile",
    ),
    **_table(
        "mass",
        "1/1000000 mg milligram; 1/1000 g gram gramme; 1 kg kilogram kilogramme kilo; 1000 t ton tonne; "
        "45359237/100000000 lb lbs; 45359237/1600000000 oz ounce",
    ),
    **_table(
        "time",
        "1/1000 ms millisecond; 1 s sec second; 60 min minute; 3600 h hr hour; 86400 d day; 604800 week; "
        "31536000 year yr",
    ),
    **_table("months", "1 month"),
    **_table("volume", "1/1000 ml milliliter millilitre; 1 l liter litre; 1/100 cl; 1/10 dl"),
    **_table("gallons", "1/16 cup; 1/8 pint; 1/4 quart; 1 gallon gal"),
    **_table("dollars", "1/100 cent ¢; 1 ＄ dollar usd buck"),
    **_table("euros", "1 euro eur"),
    **_table("pounds", "1 pound gbp"),
    **_table("rupees", "1 rupee inr"),
    **_table("yen", "1 yen jpy yuan rmb"),
    **_table("angle", "1 ° degree deg"),
    **_table("radians", "1 radian rad"),
    **_table("temperature", "1 °c celsius"),
    **_table("fahrenheit", "1 °f fahrenheit"),
    **_table("speed", "1 mps; 5/18 kph kmh; 1397/3125 mph"),
    **_table("watts", "1 w watt; 1000 kw kilowatt"),
    **_table("joules", "1 j joule; 1000 kj kilojoule"),
    **_table("newtons", "1 n newton"),
    **_table("units", "1 unit"),
}
# Read as units only where they are set as words: in a formula they are variables.
SHORT = frozenset(name for name in UNITS if len(name) == 1 and name.isalpha())
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_STOP_TEXT = """
the of a an per each total in all about approximately
"""
_STOP = frozenset(_STOP_TEXT.split())


def singular(word: str) -> str:
    """A word without the ending of its plural."""
    word = word.lower().strip(".")
    if word in UNITS or len(word) < 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("shes", "ches", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def unit_of(words: tuple[str, ...], power: int = 1) -> Unit | None:
    """The unit that words name, such as `square centimeters` or `cm` to the second; None for any other."""
    if words and words[0] in _POWERS:
        return unit_of(words[1:], _POWERS[words[0]])
    if words and words[-1] in ("squared", "cubed"):
        return unit_of(words[:-1], 2 if words[-1] == "squared" else 3)
    if len(words) != 1 or words[0] not in UNITS:
        return None
    kind, factor = UNITS[words[0]]
    return Unit(kind if power == 1 else f"{kind}^{power}", factor**power)


def meaning_words(text: str) -> tuple[str, ...]:
    """The words of a unit that count, in singular."""
    return tuple(singular(word) for word in text.replace("/", " / ").split() if word.lower() not in _STOP)
