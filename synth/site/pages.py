"""The pages of the site that are whole without script: in, rows one after the other; out, HTML files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from synth.site.shards import PAGE, Cells
from synth.text import counted
from synth.view.numbers import number
from synth.view.pages.table import shown_columns
from synth.view.profile import Bar, Kind, Shape
from synth.view.state import State
from synth.view.text import begun, line
from synth.writing import write_bytes

# `frame-ancestors` is left out: a policy that stands in a page cannot have it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)


class Pages:
    """Pages of rows while rows come, and at the end the first page and those of the script."""

    def __init__(self, out: Path, name: str, columns: list[Shape], rows: int, most: int) -> None:
        self.rows, self.columns = rows, columns
        self.all = max(1, -(-rows // PAGE))
        self.whole = min(self.all, most)
        self.shown = shown_columns({one.name: one for one in columns}, State())
        self._out, self._name = out, name
        self._held: list[tuple[int, Cells]] = []
        self._page = 1
        self._templates = _templates()
        (out / "pages").mkdir()

    def add(self, number: int, row: Cells) -> None:
        """Add a row, of which the number is known; rows beyond the last whole page are the script's."""
        if self._page > self.whole:
            return
        self._held.append((number, row))
        if len(self._held) == PAGE:
            self._flush()

    def close(self, spread: Mapping[str, list[Bar]], files: list[str], about: Mapping[str, Any]) -> None:
        """Write what is left, and the pages that need all rows to be known."""
        if self._held or self._page == 1:
            self._flush()
        self._put(
            "index.html", "index.html", "", files=files, about=about,
            spreads=[(one, spread[one.name]) for one in self.columns if spread.get(one.name)],
        )  # fmt: skip
        self._put("rows.html", "script.html", "", title="Rows", job="page")
        self._put("find.html", "script.html", "", title="Search", job="find")

    def _flush(self) -> None:
        place = {one.name: i for i, one in enumerate(self.columns)}
        self._put(
            f"pages/{self._page}.html", "rows.html", "../", page=self._page, place=place, rows=self._held
        )
        self._held, self._page = [], self._page + 1

    def _put(self, path: str, template: str, root: str, **values: Any) -> None:
        html = self._templates.get_template(template).render(
            root=root, name=self._name, total=self.rows, columns=self.columns, shown=self.shown,
            whole=self.whole, all=self.all, kinds=Kind, policy=POLICY, **values,
        )  # fmt: skip
        write_bytes(self._out / path, html.encode("utf-8", "replace"))


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("synth.site"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"line": line, "begun": begun, "number": number}
    environment.globals["counted"] = counted
    return environment
