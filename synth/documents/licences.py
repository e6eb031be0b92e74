"""Under which licence a document stands, and whether that one is wanted.

In: a source and what it says of itself. Out: the licence that holds: as the source states it, else as
the card of its data set does, else as the settings state it for files of that name. No licence is guessed.
"""

from fnmatch import fnmatchcase

from synth.config import LicencesConfig

UNKNOWN = "unknown"


class Licences:
    """The settings of `licences`, ready to be asked."""

    def __init__(self, config: LicencesConfig) -> None:
        self._stated = config.stated
        self._allowed = frozenset(map(_plain, config.allow))

    def of(self, source: str, stated: str | None) -> str | None:
        """The licence of a source; None where nobody states one."""
        return stated or next((v for glob, v in self._stated.items() if fnmatchcase(source, glob)), None)

    def allows(self, licence: str | None) -> bool:
        """Whether documents of a licence may be read; an empty list allows all."""
        return not self._allowed or _plain(licence or UNKNOWN) in self._allowed


class Cards:
    """What the cards of data sets state, each for the tables in its folder and below."""

    def __init__(self) -> None:
        self._by_folder: dict[str, str] = {}

    def add(self, source: str, licence: str) -> None:
        """A card; of two in one folder the first counts."""
        self._by_folder.setdefault(source.rpartition("/")[0], licence)

    def of(self, source: str) -> str | None:
        """What the nearest card at or above a source states."""
        folder = source
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self._by_folder:
                return self._by_folder[folder]
        return None


def _plain(licence: str) -> str:
    """Spellings of one licence: case, blanks and dashes say nothing."""
    return "".join(c for c in licence.casefold() if c not in " -_/")
