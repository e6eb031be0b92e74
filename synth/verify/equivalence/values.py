"""What formulas are worth: exactly where they are rational numbers, else at chosen points.

In: trees. Out: fractions or complex numbers. The points are constants, so that the same answers are the same
on any machine. Sizes are bounded before anything is worked out: a tower of powers ends as `TooLarge`.
"""

import cmath
import math
from collections.abc import Mapping
from fractions import Fraction

from synth.verify.equivalence.formulas import Tree

MAX_BITS = 20_000
MAX_FACTORIAL = 1_000
CONSTANTS = {"π": math.pi, "e": math.e, "°": math.pi / 180, "%": 0.01}


class TooLarge(Exception):
    """A number of more digits than an answer has."""


class NoValue(Exception):
    """There is no value here: a division by zero, a name without one."""


def names_of(tree: Tree) -> frozenset[str]:
    """The variables of a formula; i is the imaginary unit where it stands alone."""
    if tree.kind == "name":
        return (
            frozenset()
            if tree.value in CONSTANTS or tree.value in ("i", "∞")
            else frozenset([str(tree.value)])
        )
    found: frozenset[str] = frozenset()
    for part in tree.parts:
        found |= names_of(part)
    return found


def exact(tree: Tree) -> Fraction | None:
    """The value of a rational number; None for any other.

    Raises:
        TooLarge: it has more digits than an answer has.
        NoValue: something is divided by zero.
    """
    if tree.kind == "number":
        assert isinstance(tree.value, Fraction)
        return tree.value
    if tree.kind == "name":
        return Fraction(1, 100) if tree.value == "%" else None
    if tree.kind == "±":
        return None
    parts = [exact(part) for part in tree.parts]
    if any(part is None for part in parts):
        return None
    return _bounded(_combined(tree, [part for part in parts if part is not None]))


def _bounded(found: Fraction | None) -> Fraction | None:
    if found is not None and found.numerator.bit_length() + found.denominator.bit_length() > MAX_BITS:
        raise TooLarge
    return found


def _combined(tree: Tree, parts: list[Fraction]) -> Fraction | None:
    first, last = parts[0], parts[-1]
    match tree.kind:
        case "+":
            return sum(parts, Fraction(0))
        case "*":
            return first * last
        case "-":
            return -first
        case "/":
            if not last:
                raise NoValue
            return first / last
        case "^":
            return _power(first, last)
        case "root":
            return _root(first, last)
        case _:
            return _called(str(tree.value), parts)


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if not base and exponent < 0:
        raise NoValue
    if not _small(base, exponent):
        raise TooLarge
    power = base**exponent.numerator
    return power if exponent.denominator == 1 else _root(power, Fraction(exponent.denominator))


def _small(base: Fraction, exponent: Fraction) -> bool:
    if base in (0, 1, -1):
        return abs(exponent.numerator) <= MAX_BITS
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    return bits * abs(exponent.numerator) <= MAX_BITS


def _root(base: Fraction, degree: Fraction) -> Fraction | None:
    """An exact root of a number that is not negative; None where it is not rational."""
    if base < 0 or degree.denominator != 1 or not 1 <= degree <= 64:
        return None
    above, below = (_whole_root(n, int(degree)) for n in (base.numerator, base.denominator))
    return None if above is None or below is None else Fraction(above, below)


def _whole_root(number: int, degree: int) -> int | None:
    low, high = 0, 1 << (number.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**degree < number:
            low = middle + 1
        else:
            high = middle
    return low if low**degree == number else None


def _called(name: str, parts: list[Fraction]) -> Fraction | None:
    first = parts[0]
    if name == "|":
        return abs(first)
    if name in ("⌊", "⌈"):
        return Fraction(math.floor(first) if name == "⌊" else math.ceil(first))
    if name in ("!", "binom"):
        if any(part.denominator != 1 or part < 0 for part in parts):
            return None
        if max(parts) > MAX_FACTORIAL:
            raise TooLarge
        return Fraction(math.factorial(int(first)) if name == "!" else math.comb(int(first), int(parts[1])))
    return None


def at_point(tree: Tree, point: Mapping[str, float]) -> complex:
    """The value where the variables have these values.

    Raises:
        NoValue: there is none, or none that a float can hold.
    """
    try:
        found = _value(tree, point)
    except (ArithmeticError, ValueError, KeyError, TypeError) as fault:
        raise NoValue from fault
    if not cmath.isfinite(found):
        raise NoValue
    return found


def _value(tree: Tree, point: Mapping[str, float]) -> complex:
    if tree.kind == "number":
        assert isinstance(tree.value, Fraction)
        return complex(float(tree.value))
    if tree.kind == "name":
        name = str(tree.value)
        if name == "i" and "i" not in point:
            return 1j
        return complex(CONSTANTS[name] if name in CONSTANTS else point[name])
    parts = [_value(part, point) for part in tree.parts]
    first, last = parts[0], parts[-1]
    match tree.kind:
        case "+":
            return sum(parts)
        case "*":
            return first * last
        case "/":
            return first / last
        case "-":
            return -first
        case "^":
            return _real_power(first, last)
        case "root":
            return _real_root(first, last)
        case "call":
            return _call(str(tree.value), parts)
    raise ValueError(tree.kind)


def _real_power(base: complex, exponent: complex) -> complex:
    if exponent.imag == 0 and exponent.real == int(exponent.real) and abs(exponent.real) < 1e6:
        return base ** int(exponent.real)
    return base**exponent


def _real_root(base: complex, degree: complex) -> complex:
    """The real root of a negative number where the degree is odd, as in school; else the principal one."""
    if base.imag == 0 and base.real < 0 and degree.imag == 0 and degree.real % 2 == 1:
        return complex(-((-base.real) ** (1 / degree.real)))
    return cmath.sqrt(base) if degree == 2 else base ** (1 / degree)


def _call(name: str, parts: list[complex]) -> complex:
    first = parts[0]
    if name in ("ln", "log", "lg"):
        if len(parts) > 1:
            return cmath.log(first) / cmath.log(parts[1])
        return cmath.log10(first) if name == "lg" else cmath.log(first)
    if name == "|":
        return complex(abs(first))
    if name in ("⌊", "⌈", "!", "binom"):
        return _whole_call(name, parts)
    if name in _ONE_OVER:
        return 1 / _FUNCTIONS[_ONE_OVER[name]](first)
    if name in _OF_ONE_OVER:
        return _FUNCTIONS[_OF_ONE_OVER[name]](1 / first)
    if name == "arccot":
        return math.pi / 2 - cmath.atan(first)
    return _FUNCTIONS[name](first)


def _whole_call(name: str, parts: list[complex]) -> complex:
    if any(part.imag for part in parts):
        raise ValueError(name)
    first, last = parts[0].real, parts[-1].real
    if name == "⌊":
        return complex(math.floor(first + 1e-12))
    if name == "⌈":
        return complex(math.ceil(first - 1e-12))
    if name == "!":
        return complex(math.gamma(first + 1))
    return complex(math.gamma(first + 1) / (math.gamma(last + 1) * math.gamma(first - last + 1)))


_FUNCTIONS = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "arcsin": cmath.asin, "arccos": cmath.acos,
    "arctan": cmath.atan, "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh, "exp": cmath.exp,
}  # fmt: skip
_ONE_OVER = {"sec": "cos", "csc": "sin", "cot": "tan", "sech": "cosh", "csch": "sinh", "coth": "tanh"}
_OF_ONE_OVER = {"arcsec": "arccos", "arccsc": "arcsin"}
