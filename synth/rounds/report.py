"""The report across rounds as files: `rounds.md` with `rounds.png` in it, and `rounds.json` with everything.

In: figures. Out: files in a folder, the same bytes for the same figures. Names are untrusted: they are shown
as they are, never read as markup or mathematics.
"""

import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from synth.publish.card import markdown_code, markdown_text
from synth.rounds.figures import Category, Figures, InRound
from synth.text import counted
from synth.writing import atomic, write_bytes, write_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More rounds or concepts than these are in the JSON only; lines are drawn of the most failed categories.
SHOWN_ROUNDS, SHOWN_CONCEPTS, DRAWN = 6, 30, 10
JSON, MARKDOWN, PICTURE = "rounds.json", "rounds.md", "rounds.png"
_COLOURS = (
    "#3b6fb6", "#d1733a", "#4c9a5b", "#b5495b", "#7d5fa8", "#8a6d4b", "#c96fa8", "#5d8f9e",
    "#a39a2e", "#6b7280",
)  # fmt: skip


def write_report(found: Figures, folder: Path) -> None:
    """Write the three files."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / PICTURE) as temporary:
        draw(found, temporary)
    write_json(folder / JSON, found.as_tree())
    write_bytes(folder / MARKDOWN, markdown(found).encode())


def shown(found: Figures) -> list[int]:
    """Places of the rounds that a table has room for: the first and the last ones."""
    places = list(range(len(found.rounds)))
    return places if len(places) <= SHOWN_ROUNDS else [0, *places[1 - SHOWN_ROUNDS :]]


def category_rows(found: Figures, places: Sequence[int]) -> list[list[object]]:
    """One row a category: failed of all in each round, then its budgets, then what became of the failures."""
    rows: list[list[object]] = []
    for one in found.categories:
        there = [one.rounds[place] for place in places]
        failed = [f"{x.failed} of {x.problems}" if x else "" for x in there]
        rows.append([one.category, *failed, *(x.budget if x else 0 for x in there), _since(one)])
    return rows


def category_heads(found: Figures, places: Sequence[int]) -> list[str]:
    """The heads of those rows."""
    numbers = [found.rounds[place].round for place in places]
    return ["category", *(f"failed {n}" for n in numbers), *(f"budget {n}" for n in numbers), "last round"]


def concept_rows(found: Figures, places: Sequence[int]) -> list[list[object]]:
    """One row a concept: in each round how many of its problems are failed."""
    return [
        [one.name, *(f"{one.failed[n]} of {one.tried[n]}" for n in places)]
        for one in found.concepts[:SHOWN_CONCEPTS]
    ]


def concept_heads(found: Figures, places: Sequence[int]) -> list[str]:
    """The heads of those rows."""
    return ["concept", *(f"failed {found.rounds[place].round}" for place in places)]


def _since(one: Category) -> str:
    last: InRound | None = one.rounds[-1]
    if last is None or last.no_longer is None:
        return ""
    return f"{last.no_longer} no longer failed, {last.still} still, {last.newly} newly"


def markdown(found: Figures) -> str:
    """The report as a page."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Figures) -> Iterator[str]:
    places = shown(found)
    yield from (f"# {markdown_text(found.name)}: {counted(len(found.rounds), 'round')}", "")
    heads = ("round", "run", "problems", "failed", "budget", "published rows", "failed means")
    wholes = [[one.round, one.run, one.problems, one.failed, one.budget, one.rows] for one in found.rounds]
    rules = [markdown_code(one.definition) for one in found.rounds]
    yield from _table(heads, [wholes[place] for place in places], [rules[place] for place in places])
    for said in found.remarks():
        yield from (said, "")
    yield from (f"![Failure rates and budgets by round]({PICTURE})", "", "## By category", "")
    yield from _table(category_heads(found, places), category_rows(found, places))
    yield from ("## By concept", "", "Of the problems that test a concept, how many are failed.", "")
    yield from _table(concept_heads(found, places), concept_rows(found, places))
    if (left := len(found.concepts) - SHOWN_CONCEPTS) > 0:
        yield f"{counted(left, 'further concept')} in `{JSON}`."


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]], made: Sequence[str] = ()) -> Iterator[str]:
    """A table of texts and numbers; `made` is Markdown for a last column."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for place, row in enumerate(rows):
        yield f"| {' | '.join([*map(_cell, row), *made[place : place + 1]])} |"
    yield ""


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else markdown_text(value)


def draw(found: Figures, path: Path) -> None:
    """Two panels over the rounds, as PNG: the failure rate of each category, and its budget."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"font.family": ["DejaVu Sans"]}), warnings.catch_warnings():
        # A script that the font lacks is drawn as boxes; that is no reason to stop a loop.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure(figsize=(11, 4.6), dpi=120, facecolor="white", layout="constrained")
        rates, budgets = figure.subplots(1, 2)
        drawn = _most_failed(found)
        _panel(rates, found, drawn, "rate", "failed of all problems, %")
        _panel(budgets, found, drawn, "budget", "budget, combinations")
        lines, labels = rates.get_legend_handles_labels()
        if labels:
            legend = figure.legend(lines, labels, loc="outside right upper", frameon=False, fontsize=9)
            for text in legend.get_texts():
                text.set_parse_math(False)
        figure.savefig(path, format="png", metadata={"Software": None})


def _most_failed(found: Figures) -> list[Category]:
    def failures(one: Category) -> int:
        return sum(there.failed for there in one.rounds if there)

    kept = sorted(found.categories, key=lambda one: (-failures(one), one.category))[:DRAWN]
    return sorted(kept, key=lambda one: one.category)


def nested(lines: Sequence[Sequence[float]]) -> list[int]:
    """For each line how many later ones have a stretch of it in common: drawn wider, it shows around them."""
    return [sum(_meet(line, other) for other in lines[place + 1 :]) for place, line in enumerate(lines)]


def _meet(one: Sequence[float], other: Sequence[float]) -> bool:
    same = [a == b for a, b in zip(one, other, strict=True)]
    return any(map(all, pairwise(same))) if len(same) > 1 else any(same)


def _panel(axes: "Axes", found: Figures, drawn: Sequence[Category], what: str, title: str) -> None:
    numbers = [one.round for one in found.rounds]
    scale = 100 if what == "rate" else 1
    lines = [[_height(there, what, scale) for there in one.rounds] for one in drawn]
    widths = nested(lines)
    for one, colour, heights, around in zip(drawn, _COLOURS, lines, widths, strict=False):
        # A label that begins with an underscore would be left out of the legend.
        label = one.category.lstrip("_")[:40] or "?"
        wide, tall = 1.6 + 2.4 * around, 6 + 3 * around
        axes.plot(numbers, heights, marker="o", color=colour, label=label, linewidth=wide, markersize=tall)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xticks(numbers[:: 1 + len(numbers) // 20])
    axes.set_xlabel("round")
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)


def _height(there: InRound | None, what: str, scale: int) -> float:
    value = getattr(there, what) if there else None
    return float("nan") if value is None else float(value) * scale
