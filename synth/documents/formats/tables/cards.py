"""Files that describe a data set and are no documents: cards, and what `datasets` writes beside its tables.

In: a text or a JSON object. Out: nothing, or the fault `no_document` with the licence that it states, which
holds for the tables below its folder. They are known by what they say, not by their names: equal files
are read once, whatever they are called.
"""

import re
from collections.abc import Mapping
from typing import Any

from synth.documents.content import ReadError

# The front matter of a card lists every column and split, so it may be long.
_MAX_CHARS = 1_000_000
_KEY = re.compile(r"([A-Za-z_]{1,40}):[ \t]*([^\n]{0,200})")
_ITEM = re.compile(r"[ \t]*-[ \t]+([^\n]{1,200})")
_CARD = frozenset(
    {
        *("dataset_info", "task_categories", "task_ids", "size_categories", "annotations_creators"),
        *("language_creators", "source_datasets", "multilinguality"),
    }
)
_UNSTATED = ("", "other", "unknown", "null", "~", "[]")
_INFO = frozenset({"builder_name", "citation", "splits", "dataset_size", "download_size", "config_name"})
_STATE = frozenset({"_data_files", "_fingerprint"})


def check_card(text: str) -> None:
    """Nothing for a document.

    Raises:
        ReadError: this is the card of a data set.
    """
    if not text.startswith("---\n"):
        return
    end = text.find("\n---", 3, _MAX_CHARS)
    if end < 0:
        return
    stated = _top_level(text[4 : end + 1])
    if _CARD & stated.keys() or any("config_name:" in item for item in stated.get("configs", ())):
        raise _no_document("the card of a data set", _licence(stated))


def check_object(value: Mapping[str, Any]) -> None:
    """Nothing for an object that may hold documents.

    Raises:
        ReadError: it describes a data set.
    """
    licence = value.get("license")
    if isinstance(value.get("features"), Mapping) and _INFO & value.keys():
        stated = licence if isinstance(licence, str) and licence.lower() not in _UNSTATED else None
        raise _no_document("the description of a data set", stated)
    several = value and all(isinstance(v, Mapping) and "features" in v for v in value.values())
    names = value.get("splits") if len(value) == 1 else None
    splits = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if several or splits or value.keys() >= _STATE:
        raise _no_document("the description of a data set", None)


def _top_level(front: str) -> dict[str, list[str]]:
    """The keys at the left edge, each with its value or the items below it.

    As lines and not as YAML, which takes a second for a card of a hundred kilobytes.
    """
    found: dict[str, list[str]] = {}
    values: list[str] = []
    for line in front.split("\n"):
        if match := _KEY.match(line):
            values = found.setdefault(match[1].lower(), [])
            values += [match[2]] if match[2] else []
        elif match := _ITEM.match(line):
            values.append(match[1])
    return found


def _licence(stated: Mapping[str, list[str]]) -> str | None:
    for key in ("license", "licence", "license_name"):
        names = [name.strip().strip("[]'\"") for name in stated.get(key, ())]
        if named := [name for name in names if name.lower() not in _UNSTATED]:
            return ", ".join(named)
    return None


def _no_document(what: str, licence: str | None) -> ReadError:
    return ReadError(f"{what}, no document itself", "no_document", licence)
