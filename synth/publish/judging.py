"""Figures of judging: what each judge said how often, and how far judges agree.

In: the tables `judged` and `rejected` of the stage `judge`; the latter holds verdicts as JSON, so that those
on questions that fell count as well. Out: what stands in `stats.json` under `judging`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import pyarrow as pa

from synth.verify.agreement import kappa, observed
from synth.verify.judging import TIE, VERDICTS

Row = Mapping[str, Any]
# What a judge can have said of a question, over all its passes.
SAID = (*VERDICTS, TIE, "none")
DIGITS = 4


def judging_stats(judged: pa.Table, rejected: pa.Table) -> dict[str, Any]:
    """Verdicts of each judge with their shares, agreement of each two, and outcomes of the check."""
    kept = judged.to_pylist()
    rows = [*kept, *(json.loads(text) for text in rejected["row"].to_pylist())]
    said = [_by_judge(row) for row in rows]
    names = sorted({name for one in said for name in one}, key=lambda name: (len(name), name))
    return {
        "judges": {name: _shares([one[name] for one in said if name in one]) for name in names},
        "pairs": [_pair(said, *two) for two in combinations(names, 2)],
        "well_posed": _outcomes(rows),
        "silent": _silent(rows),
    }


def _by_judge(row: Row) -> dict[str, str]:
    """What each judge said of a question: its verdict, a tie, or none."""
    names = dict.fromkeys(one["judge"] for one in row["judgements"])
    return {name: verdict or "none" for name, verdict in zip(names, row["verdicts"], strict=True)}


def _shares(verdicts: Sequence[str]) -> dict[str, Any]:
    counts = Counter(verdicts)
    return {
        "verdicts": {name: counts[name] for name in SAID},
        "shares": {name: round(counts[name] / len(verdicts), DIGITS) for name in SAID},
    }


def _pair(said: Sequence[Mapping[str, str]], one: str, other: str) -> dict[str, Any]:
    """Agreement where both have a verdict: a tie and silence are none."""
    pairs = [(row[one], row[other]) for row in said if row[one] in VERDICTS and row[other] in VERDICTS]
    figures = {"agreement": observed(pairs), "kappa": kappa(pairs)}
    rounded = {name: None if found is None else round(found, DIGITS) for name, found in figures.items()}
    return {"judges": [one, other], "questions": len(pairs), **rounded}


def _outcomes(rows: Sequence[Row]) -> dict[str, int]:
    """What the checker said; `none` where it said nothing that could be used."""
    found = Counter[str]()
    for row in rows:
        if outcome := row.get("well_posed"):
            found[outcome] += 1
        elif (check := row.get("check")) is not None:
            found[check.get("outcome") or "none"] += 1
    return dict(sorted(found.items()))


def _silent(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Why judges gave no verdict, by judge: one reply each."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for judge, reason in _reasons(rows):
        found[judge][reason] += 1
    return {judge: dict(sorted(reasons.items())) for judge, reasons in sorted(found.items())}


def _reasons(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    for row in rows:
        for one in row["judgements"]:
            if reason := one.get("reason"):
                yield one["judge"], reason
