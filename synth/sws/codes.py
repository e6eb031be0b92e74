"""Texts as small numbers: each distinct text is read and kept once, however many rows repeat it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int32]
NONE = -1


class Texts:
    """Texts in the order in which they came; `read` gives the form that is kept, None for none."""

    def __init__(self, read: Callable[[str], str | None] = lambda text: text or None) -> None:
        self.values: list[str] = []
        self._read = read
        self._codes: dict[str, int] = {}
        self._seen: dict[str | None, int] = {None: NONE}

    def __len__(self) -> int:
        return len(self.values)

    def code(self, text: str) -> int:
        """The number of one text; -1 where nothing of it is kept."""
        found = self._seen.get(text)
        if found is None:
            found = self._seen[text] = self._code(self._read(text))
        return found

    def codes(self, column: pa.DictionaryArray) -> Codes:
        """The number of each row's text; -1 for null."""
        texts = column.dictionary.to_pylist()
        # Most were seen before: these are looked up without a call for each.
        known = list(map(self._seen.get, texts))
        for at, code in enumerate(known):
            if code is None:
                known[at] = self.code(texts[at])
        places = pc.fill_null(column.indices.cast(pa.int64()), len(known)).to_numpy(zero_copy_only=False)
        found: Codes = np.array([*known, NONE], np.int32)[places]
        return found

    def ranks(self) -> npt.NDArray[np.int64]:
        """The place of each text among all in the order of the alphabet, which the order of rows is not."""
        ranks = np.empty(len(self), np.int64)
        ranks[sorted(range(len(self)), key=self.values.__getitem__)] = np.arange(len(self))
        return ranks

    def places(self, codes: Codes) -> npt.NDArray[np.int64]:
        """The rank of each code; those without a text come last."""
        found: npt.NDArray[np.int64] = np.append(self.ranks(), len(self))[codes]
        return found

    def sorted(self) -> list[str]:
        """The texts by their rank."""
        return sorted(self.values)

    def _code(self, text: str | None) -> int:
        if text is None:
            return NONE
        found = self._codes.setdefault(text, len(self.values))
        if found == len(self.values):
            self.values.append(text)
        return found
