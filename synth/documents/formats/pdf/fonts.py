"""The fonts of a PDF page: typewriter or not, bold or not, and which letters they mean.

In: the name and flags of a font, and the room that its letters take. Out: what they say. The symbol
fonts of TeX say of many signs only their place in the font, which reads as a letter (`k` for a norm's
bar): those are known here.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

# Stands where a word is broken over two lines.
HYPHEN = "\u00ad"
_HYPHENS = frozenset({2, 0xAD, 0xFFFE})
_LIGATURES = dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True))
_TYPEWRITER = re.compile(
    r"mono|courier|consol|typewriter|cmtt|sf[ti]?tt|sltt|lmtt|cmvtt|txtt|ectt|menlo|inconsol|code", re.I
)
_BOLD = re.compile(r"bold|black|heavy|cmbx|cmb\d|sfbx|ecbx|-medi", re.I)
_FORCED_BOLD = 1 << 18
# Of so many different letters almost all have to take the same room.
_EQUAL_SHARE, _EQUAL_LETTERS = 0.9, 6
_USUAL_ROOM = 0.525

_SYMBOLS = dict(zip("jkhifgbcdep0r;289sn631_^", "|‖⟨⟩{}⌊⌋⌈⌉√′∇∅∈∀∃∫\\" + "\u0338" + "∋∞∨∧", strict=True))
_SYMBOLS["7"] = ""  # the foot of an arrow
_LARGE = dict(zip("PXQYRZS[T\\HIpqrst", "∑∑∏∏∫∫∪∪∩∩∮∮√√√√√", strict=True))
_PLACES = (*range(10), 12, 13, *range(16, 22), 26, 27, *range(32, 36), 40, 41)
_BRACKETS = dict(zip(_PLACES, "()[]⌊⌋⌈⌉{}|‖()()[]{}()[]{}", strict=True))


@dataclass(slots=True)
class Font:
    """A font on this page; whether it is a typewriter's may only show once the page is read."""

    name: str
    flags: int
    advances: Counter[float] = field(default_factory=Counter)
    letters: set[str] = field(default_factory=set)
    typewriter: bool = False

    def decide(self) -> None:
        """A font without a telling name is known by its letters, which all take the same room."""
        total = self.advances.total()
        equal = total and self.advances.most_common(1)[0][1] >= _EQUAL_SHARE * total
        self.typewriter = bool(_TYPEWRITER.search(self.name)) or bool(
            equal and len(self.letters) >= _EQUAL_LETTERS
        )

    @property
    def bold(self) -> bool:
        """Whether its letters are bold."""
        return bool(_BOLD.search(self.name)) or bool(self.flags & _FORCED_BOLD)

    @property
    def room(self) -> float:
        """How far apart its letters stand, in sizes."""
        return self.advances.most_common(1)[0][0] if self.advances else _USUAL_ROOM

    def character(self, code: int) -> str:
        """A character as text: ligatures in their letters, what has no meaning as U+FFFD."""
        if code < 128 and (meant := self._symbol(code)) is not None:
            return meant
        if code in _HYPHENS:
            return HYPHEN
        if code in _LIGATURES:
            return _LIGATURES[code]
        if code < 32 or 0xD800 <= code <= 0xF8FF or code > 0x10FFFF:
            return " " if code == 9 else "\ufffd"
        return " " if code in (0xA0, 0x200B) else chr(code)

    def _symbol(self, code: int) -> str | None:
        """What a place in a symbol font of TeX means, where the file does not say."""
        if "CMSY" in self.name:
            return _SYMBOLS.get(chr(code))
        if "CMEX" in self.name:
            return _BRACKETS.get(code) or _LARGE.get(chr(code))
        return None
