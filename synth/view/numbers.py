"""Numbers as they are read: in, any value; out, text."""

import math

from synth.view.text import line

# Numbers nearer to zero are as good as zero to a reader, and are written with a power of ten.
LEAST = 1e-9
MINUS = "−"


def number(value: object) -> str:
    """A number as it is read: separators in whole ones, four digits of others, a minus that is one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _signed(f"{value:,}")
    return _signed(_decimal(value)) if isinstance(value, float) else line(value)


def _decimal(value: float) -> str:
    text = f"{value:,.4g}"
    if "e-" in text and abs(value) >= LEAST:  # among decimals a power of ten is misread
        return f"{value:.{1 - math.floor(math.log10(abs(value)))}f}"
    return text


def _signed(text: str) -> str:
    return MINUS + text[1:] if text.startswith("-") else text
