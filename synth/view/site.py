"""What all pages share: the library, the engine, the templates, and what was worked out before.

Pages are functions of a site and a request. What a page needs of a table is kept as long as its files stay
the same.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import astuple
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from synth.errors import SynthError
from synth.llm.prices import money
from synth.publish import figures
from synth.text import counted
from synth.view import profile
from synth.view.curves import MOST_VISITS, curve, line_of
from synth.view.engine import SECONDS, Engine
from synth.view.index import kept_in
from synth.view.numbers import number
from synth.view.profile import Bar, Shape
from synth.view.search import Indexes
from synth.view.sources import Library, Source, Table
from synth.view.text import brief, line, pieces, shown
from synth.writing import write_bytes

T = TypeVar("T")
KEPT = 512
MOST_JSON = 200_000


class NotThere(SynthError):
    """Nothing is at this address; answered with 404 and this sentence."""


class Kept:
    """Values by their keys, the oldest forgotten first; two that ask for the same wait for one answer."""

    def __init__(self, size: int = KEPT) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._mutex = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of a key, made where it is not there."""
        with self._mutex:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]  # type: ignore[no-any-return]
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            with self._mutex:
                if key in self._values:
                    return self._values[key]  # type: ignore[no-any-return]
            value = make()
            with self._mutex:
                self._values[key] = value
                self._locks.pop(key, None)
                while len(self._values) > self._size:
                    self._values.popitem(last=False)
            return value

    def clear(self) -> None:
        """Forget all of them."""
        with self._mutex:
            self._values.clear()


class Site:
    """One viewer over one folder."""

    def __init__(self, place: Path, seconds: float | None = None) -> None:
        self.library = Library(place)
        self.engine = Engine([self.library.root], seconds or SECONDS)
        self.indexes = Indexes(self.engine)
        self.kept = Kept()
        self.templates = _templates()

    def close(self) -> None:
        """Let go of everything."""
        self.indexes.close()
        self.kept.clear()
        self.engine.close()

    def source(self, name: str) -> Source:
        """A source by its name.

        Raises:
            NotThere: there is none of that name.
        """
        found = self.library.get(name)
        if found is None:
            raise NotThere(
                f"There is no run {line(name, 80)!r} here (any more); the first page lists those that are."
            )
        return found

    def table(self, source: Source, name: str) -> Table:
        """A table of a source by its name.

        Raises:
            NotThere: the source has none of that name.
        """
        if name not in source.tables:
            known = ", ".join(source.tables) or "none yet"
            raise NotThere(f"{source.name} has no table {line(name, 80)!r}; it has {line(known)}.")
        return source.tables[name]

    def shapes(self, table: Table) -> dict[str, Shape]:
        """What the columns of a table are like."""
        return self.kept.get(("shapes", table.stamp), lambda: profile.shapes(self.engine, table))

    def heads(self, table: Table) -> Mapping[str, list[Bar]]:
        """How the values of each column spread over the whole table; of a large one kept beside its run."""
        return self.kept.get(("heads", table.stamp), lambda: self._heads(table))

    def _heads(self, table: Table) -> dict[str, list[Bar]]:
        path = kept_in(table.run, f"spread-{table.stamp[:16]}.json")
        if table.rows >= figures.LARGE:
            try:
                told = json.loads(path.read_bytes())
                return {name: [Bar(*bar) for bar in bars] for name, bars in told.items()}
            except (OSError, ValueError, TypeError, AttributeError):
                pass  # it was not worked out yet, or is damaged: it is worked out anew
        found = profile.heads(self.engine, table, self.shapes(table))
        if table.rows >= figures.LARGE:
            with suppress(OSError):
                told = {name: [astuple(bar) for bar in bars] for name, bars in found.items()}
                write_bytes(path, json.dumps(told).encode())
        return found

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page from a template."""
        html = self.templates.get_template(template).render(
            request=request, path=request.url.path, query=request.url.query, site=self, **values
        )
        return HTMLResponse(html, status)


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("synth.view"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "line": line,
        "shown": shown,
        "pieces": pieces,
        "brief": brief,
        "number": number,
        "money": money,
        "as_json": as_json,
        "as_line": as_line,
        "line_of": line_of,
        "curve": curve,
    }
    environment.globals |= {"counted": counted, "version": _version(), "most_visits": MOST_VISITS}
    return environment


def as_json(value: object) -> str:
    """A row as JSON, to be copied: ASCII, so that nothing in it turns or hides; empty where it is long."""
    text = json.dumps(value, indent=2, ensure_ascii=True, default=str)
    return text if len(text) <= MOST_JSON else ""


def as_line(value: object, limit: int = 600) -> str:
    """What has parts, on one line, as JSON writes it."""
    return line(json.dumps(value, ensure_ascii=False, default=str), limit)


def _version() -> str:
    """Changes with the style sheet and the script, so that a browser's old ones are not used."""
    digest = hashlib.sha256()
    static = resources.files("synth.view") / "static"
    for name in ("style.css", "script.js"):
        digest.update((static / name).read_bytes())
    return digest.hexdigest()[:12]
