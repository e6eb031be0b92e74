"""The pages: each a function of the site and a request."""

from synth.view.pages.compare import compare
from synth.view.pages.detail import by_id, row
from synth.view.pages.graph import concept, graph
from synth.view.pages.progress import progress, rejected
from synth.view.pages.prompts import prompt, prompts
from synth.view.pages.runs import runs, source
from synth.view.pages.stats import stats
from synth.view.pages.table import table
from synth.view.pages.take import take
from synth.view.pages.weaknesses import weaknesses

__all__ = [
    "by_id", "compare", "concept", "graph", "progress", "prompt", "prompts", "rejected", "row", "runs",
    "source", "stats", "table", "take", "weaknesses",
]  # fmt: skip
