"""Whose texts a dataset was made of: the sources, with their licences and what came of them.

In: the tables `documents` and `dataset`. Out: one line for each source, or for each folder, table or
archive where there are more sources than anyone reads.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from synth.stages.dataset import UNKNOWN_LICENCE

MOST_LINES = 40
# What is behind these marks is a row of a table or a member of an archive.
_PARTS = ("#", "!/")


def by_source(documents: pa.Table, rows: pa.Table) -> list[dict[str, Any]]:
    """Name, licences, documents and questions of each source, by name; the last line sums up what is left."""
    sources, licences = (documents[name].to_pylist() for name in ("source", "licence"))
    names = _names(sources)
    held: dict[str, set[str]] = defaultdict(set)
    for source, licence in zip(sources, licences, strict=True):
        held[names[source]].add(licence or UNKNOWN_LICENCE)
    counts = Counter(names[source] for source in sources)
    asked = Counter(name for used in rows["sources"].to_pylist() for name in {names.get(s, s) for s in used})
    lines = [
        {"source": name, "licences": sorted(held[name]), "documents": counts[name], "questions": asked[name]}
        for name in sorted(counts)
    ]
    return _at_most(lines)


def _names(sources: Iterable[str]) -> dict[str, str]:
    """What each source is listed as: itself, else its table or archive, else its first folder."""
    listed = {source: source for source in sources}
    for shorten in (_whole, _folder):
        if len(set(listed.values())) > MOST_LINES:
            listed = {source: shorten(source) for source in listed}
    return listed


def _whole(source: str) -> str:
    """The file that a row or member is a part of."""
    ends = [at for mark in _PARTS if (at := source.rfind(mark)) > 0]
    return source[: min(ends)] if ends else source


def _folder(source: str) -> str:
    first, slash, _ = _whole(source).partition("/")
    return first + slash


def _at_most(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(lines) <= MOST_LINES:
        return lines
    largest = sorted(lines, key=lambda line: (-line["documents"], line["source"]))
    shown, rest = largest[: MOST_LINES - 1], largest[MOST_LINES - 1 :]
    summed = {
        "source": f"{len(rest):,} more",
        "licences": sorted({licence for line in rest for licence in line["licences"]}),
        "documents": sum(line["documents"] for line in rest),
        "questions": sum(line["questions"] for line in rest),
    }
    return [*sorted(shown, key=lambda line: str(line["source"])), summed]
