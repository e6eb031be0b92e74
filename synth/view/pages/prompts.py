"""Prompts: which wrote rows of a run, the file of each, and the rows it made."""

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from synth.errors import ConfigError
from synth.prompts.library import Prompt, PromptLibrary
from synth.view.engine import PARQUET, quoted
from synth.view.links import link
from synth.view.profile import Kind
from synth.view.site import NotThere, Site
from synth.view.sources import Source
from synth.view.state import Filter, State
from synth.view.trace import Call, Looking, call_of


@dataclass(frozen=True, slots=True)
class Made:
    """Rows of one table that a prompt wrote, and the address of them all."""

    prompt: str
    sha: str
    table: str
    rows: int
    address: str


def prompts(site: Site, request: Request) -> Response:
    """All prompts of a run with what each of them made."""
    source = site.source(request.path_params["source"])
    by_prompt: dict[str, list[Made]] = {}
    for made in _made(site, source):
        by_prompt.setdefault(made.prompt, []).append(made)
    return site.page(request, "prompts.html", source=source, here="prompts", by_prompt=by_prompt)


def prompt(site: Site, request: Request) -> Response:
    """One prompt: its file where it is the shipped one, an example as it was sent, the rows it made."""
    source, id = site.source(request.path_params["source"]), request.path_params["id"]
    made = [one for one in _made(site, source) if one.prompt == id]
    if not made:
        raise NotThere(f"No row of {source.name} was written with this prompt.")
    file = _file(id)
    same = file is not None and file.sha in {one.sha for one in made}
    return site.page(
        request, "prompt.html", source=source, here="prompts", id=id, made=made, file=file if same else None,
        other=file is not None and not same, example=_example(site, source, made),
    )  # fmt: skip


def _made(site: Site, source: Source) -> Iterator[Made]:
    for table in source.tables.values():
        if not {"prompt_id", "prompt_sha"} <= set(table.schema.names):
            continue
        sql = f"""
            SELECT {quoted("prompt_id")}, any_value({quoted("prompt_sha")}), count(*)
            FROM {PARQUET} WHERE prompt_id IS NOT NULL GROUP BY 1 ORDER BY 1
        """
        key = ("prompts", table.stamp)
        for id, sha, rows in site.kept.get(key, lambda: site.engine.rows(sql, [table.paths])):  # noqa: B023
            where = State().address(filters=(Filter("prompt_id", "is", id),))
            if site.shapes(table)["prompt_id"].kind is Kind.OTHER:
                where = ""
            yield Made(id, str(sha), table.name, rows, link(source.name, "t", table.name) + where)


def _file(id: str) -> Prompt | None:
    """The shipped prompt of a name. Others are not looked for: a run may name any folder of this machine."""
    try:
        return PromptLibrary().get(id)
    except ConfigError:
        return None


def _example(site: Site, source: Source, made: list[Made]) -> Call | None:
    """One call that was made with it."""
    look = Looking(site.engine, source)
    for one in made:
        rows = look(one.table, "prompt_id", [one.prompt], most=1)
        if rows and rows[0].get("call_id") and (found := call_of(source.folder, str(rows[0]["call_id"]))):
            return found
    return None
