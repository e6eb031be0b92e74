"""The pages: each a function of the site and a request."""

from synth.view.pages.detail import by_id, row
from synth.view.pages.runs import runs, source
from synth.view.pages.table import table

__all__ = ["by_id", "row", "runs", "source", "table"]
