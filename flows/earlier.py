"""How a run's yield compares with that of the runs before it, as rows and a sentence for the UI.

In: the folder of a finished run, which lies among others. Out: cells of a table, the newest run first. Runs
of a store are compared with the runs of that store, others with those of the same recipe in the same folder.
"""

import tomllib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from synth.bill import from_tree
from synth.costs import stage_costs
from synth.report import manifests
from synth.run_report import FILE, read
from synth.text import counted

Cells = dict[str, Any]
# So many earlier runs are shown, and so many folders are looked through for them.
SHOWN, LOOKED_AT = 9, 200


class Yield(NamedTuple):
    """What one run made: questions that were written, those published, and what each of these took."""

    run: str
    ended: str
    written: int
    published: int
    tokens: str
    cost: str

    @property
    def share(self) -> float:
        """Published questions of those written; 0 where none was."""
        return self.published / self.written if self.written else 0.0

    def cells(self) -> Cells:
        """One row of the table."""
        return {
            "run": self.run, "ended (UTC)": self.ended, "written": self.written, "published": self.published,
            "yield": f"{self.share:.1%}", "tokens a row": self.tokens, "cost a row": self.cost,
        }  # fmt: skip


def yields(run_folder: Path) -> list[Yield]:
    """The yield of a run, then those of the runs before it, the newest first."""
    others = (found for folder in _before(run_folder) if (found := yield_of(folder)))
    own = yield_of(run_folder)
    return [*([own] if own else []), *islice(others, SHOWN)]


def yield_of(run_folder: Path) -> Yield | None:
    """The yield of a run; None where it has published nothing yet, or writes no questions."""
    found, report = manifests(run_folder), read(run_folder)
    if "dataset" not in found or "questions" not in found:
        return None
    tokens = stage_costs(found)[-1].so_far.said()
    # Known once the last stage is done; what stands under the run itself comes when it has ended.
    paid = ((report.get("cost_by_stage") or {}).get("dataset") or {}).get("so_far")
    tries = report.get("tries") or [{}]
    return Yield(
        run_folder.name,
        (tries[-1].get("ended") or "")[:16].replace("T", " "),
        found["questions"].outputs["questions"],
        found["dataset"].outputs["dataset"],
        tokens,
        from_tree(paid).said(report["currency"]) if paid else "–",
    )


def compared(found: Sequence[Yield]) -> str:
    """In a sentence: this run's yield, and that of those before it."""
    own, *before = found
    made = f"{own.published:,} of {own.written:,} questions are published ({own.share:.1%})"
    if not before:
        return f"{made}. There is no earlier run to compare with."
    written, published = sum(one.written for one in before), sum(one.published for one in before)
    share = published / written if written else 0.0
    earlier = "run" if len(before) == 1 else counted(len(before), "run")
    return f"{made}; the {earlier} before it published {published:,} of {written:,} ({share:.1%})."


def _before(run_folder: Path) -> Iterator[Path]:
    """Folders of earlier runs that this one is compared with, the newest first."""
    settings = _settings(run_folder)
    if of_store := settings.get("store", {}).get("runs"):
        yield from (run_folder.parent / name for name in reversed(of_store))
        return
    reports = [path for path in run_folder.parent.glob(f"*/{FILE}") if path.parent != run_folder]
    newest = sorted(reports, key=lambda path: path.stat().st_mtime_ns, reverse=True)[:LOOKED_AT]
    yield from (p.parent for p in newest if _settings(p.parent).get("recipe") == settings.get("recipe"))


def _settings(run_folder: Path) -> Cells:
    """What the run was configured with; empty where that cannot be read."""
    try:
        return tomllib.loads((run_folder / "run.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
