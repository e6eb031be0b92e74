"""What a run shows in the Prefect UI: artifacts under fixed keys, so that each key has a history across runs.

In: the folder of a run, and counts as they come. Out: artifacts of the flow run that is under way. Text of
documents and models is shown as code only: the UI renders HTML and live links in Markdown and in table cells.
"""

import base64
import io
import json
import re
import shlex
import textwrap
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

import pyarrow.parquet as pq
from httpx import HTTPError
from PIL import Image
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from flows.earlier import compared, yields
from flows.listening import VIEWER_PORT
from flows.progress import course
from flows.spending import spent
from flows.terminal import line, plain
from synth.config_money import BudgetConfig
from synth.parts import Parts
from synth.publish.card import markdown_text
from synth.report import LEGEND, FunnelRow, funnel, manifests
from synth.rounds.report import MARKDOWN
from synth.schemas import REASONS
from synth.store import Manifest
from synth.text import counted

# Between two updates of a progress artifact: each costs the server a request and a write.
PROGRESS_SECONDS = 3.0
EXCERPT_CHARS = 240
CODE_COLUMNS = 80
PICTURE_PIXELS = 1400
# What a reader wants to see of a rejected row: the first of these that it has.
SHOWN = ("question", "reply", "answer", "name", "text")
# A contaminated question is the benchmark's text; it is counted, and never shown.
WITHHELD = ("contaminated",)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
_PICTURE = re.compile(r"^!\[[^\]]*\]\(graph\.png\)$", re.MULTILINE)
_CHART = re.compile(r"^!\[[^\]]*\]\(rounds\.png\)$", re.MULTILINE)

_CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
# An end of line between two lines of prose, or of one quotation: not beside tables, lists, headings and code.
_WRAPPED = re.compile(r"(?<=[^\n|])\n(?![\n|#]|[-*+] |\d+\. |    |<|>|!\[)|(?<=\S)\n> (?=\S)")

Tell = Callable[[str, int, int], None]


class StageProgress:
    """The progress artifact of one stage, fed from any number of threads with what each part has done."""

    def __init__(self, stage: str, sizes: Sequence[int], tell: Tell) -> None:
        self._stage, self._of, self._tell = stage, len(sizes), tell
        self._parts = Parts(sizes)
        self._lock = Lock()
        self._next = time.monotonic() + PROGRESS_SECONDS
        described = f"The stage {stage}: nothing done yet."
        made = create_progress_artifact(0.0, key=f"progress-{stage}", description=described)
        self._id = cast(UUID, made)  # a coroutine only where an event loop runs, and none does here
        tell(stage, 0, 0)

    def count(self, part: int, done: int, total: int) -> None:
        """Take note of a part; the artifact follows every few seconds."""
        with self._lock:
            sums = self._parts.count(part, done, total)
            self._tell(self._stage, *sums)
            now = time.monotonic()
            due = now >= self._next
            if due:
                self._next = now + PROGRESS_SECONDS
        if due:
            share = min(99.9, 100 * sums[0] / sums[1]) if sums[1] else 0.0
            with suppress(HTTPError):  # a server that is away for a while ends no work
                update_progress_artifact(self._id, round(share, 1), self._counted(*sums))

    def end_part(self, part: int) -> None:
        """A part is done, also one that was found done."""
        with self._lock:
            self._parts.end(part)

    def finish(self, sentence: str) -> None:
        """The stage is done."""
        update_progress_artifact(self._id, 100.0, sentence)

    def _counted(self, done: int, total: int) -> str:
        known = course(self._stage)
        facts = "; " + ", ".join(known.facts(done, total)) if known else ""
        parts = f"{self._parts.begun} of {self._of} parts"
        return f"The stage {self._stage}: {done:,} of {total:,} calls in {parts}{facts}."


class Growing:
    """A table that is made with the first stage and kept up to date with every further one."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._id: UUID | None = None

    def show(self, cells: list[dict[str, Any]], described: str) -> None:
        """Show these rows instead of those before."""
        if self._id is None:
            self._id = cast(UUID, create_table_artifact(cells, key=self._key, description=described))
            return
        update = ArtifactUpdate(data=json.dumps(cells), description=described)
        with get_client(sync_client=True) as client:
            client.update_artifact(self._id, update)


class Tables:
    """What is known of a run while it goes on: its funnel, and what it has spent."""

    def __init__(self) -> None:
        self._funnel, self._cost = Growing("funnel"), Growing("cost")

    def show(self, run_folder: Path, whole: Collection[str], budget: BudgetConfig) -> None:
        """Show how far the run has come; all rows of the stages in `whole` were there already."""
        rows = [row._replace(reused=row.inputs) if row.stage in whole else row for row in funnel(run_folder)]
        self._funnel.show([_funnel_cells(row) for row in rows], _funnel_sentence(run_folder, rows))
        self._cost.show(*spent(run_folder, budget))


def show_rejected(run_folder: Path) -> None:
    """Rejected rows by stage and reason, then one example of each."""
    kinds = [(stage, m, reason) for stage, m in manifests(run_folder).items() for reason in m.reasons]
    total = sum(manifest.reasons[reason] for _, manifest, reason in kinds)
    head = "| stage | reason | rows | meaning |\n|---|---|---:|---|\n"
    lines = [f"| {stage} | {why} | {m.reasons[why]:,} | {REASONS[why]} |\n" for stage, m, why in kinds]
    examples = [_example(run_folder, *kind) for kind in kinds]
    create_markdown_artifact(
        "\n\n".join([head + "".join(lines), *examples]),
        key="rejected",
        description=f"{counted(total, 'row')} of {counted(len(kinds), 'kind')} fell out; an example of each.",
    )


def show_yield(run_folder: Path) -> None:
    """What share of its questions a run publishes, and the runs before it did."""
    found = yields(run_folder)
    if found:
        cells = [one.cells() for one in found]
        create_table_artifact(cells, key="yield", description=compared(found))


def show_version(version: Path, said: str, run_folder: Path | None) -> None:
    """The newest version of a dataset, and the yield of the run that it was made for."""
    folder = str(version.absolute())
    parts = ["All of it lies in", as_code(folder), "To see its rows:"]
    parts.append(as_code(f"synth view {shlex.quote(f'{folder}/questions')}"))
    if run_folder and (found := yields(run_folder)):
        parts += [compared(found), _as_markdown([one.cells() for one in found])]
    create_markdown_artifact("\n\n".join(parts), key="version", description=said)


def show_card(dataset: Path, rows: int) -> None:
    """The data card, as it is published."""
    card = _FRONT_MATTER.sub("", (dataset / "README.md").read_text(encoding="utf-8"))
    card = unwrapped(_PICTURE.sub("The picture of the graph is the artifact `graph`.", card))
    described = f"The README.md that is published with the {counted(rows, 'question')}."
    create_markdown_artifact(card, key="data-card", description=described)


def show_rounds(folder: Path, rounds: int) -> None:
    """The report across rounds, as it lies in its folder."""
    page = _CHART.sub("The chart is rounds.png beside it.", (folder / MARKDOWN).read_text(encoding="utf-8"))
    described = (
        f"What was failed in {counted(rounds, 'round')}, and what was aimed at. Files: {plain(folder)}"
    )
    create_markdown_artifact(page, key="rounds", description=described)


def show_graph(dataset: Path, graph: Mapping[str, Any]) -> None:
    """The picture of the concept graph, where there is one."""
    picture = dataset / "graph.png"
    if not picture.is_file():
        return
    # As Markdown, since the UI prints the whole address under an image artifact: here that is the picture.
    data = base64.b64encode(_small(picture)).decode("ascii")
    create_markdown_artifact(
        f"![The concept graph](data:image/png;base64,{data})",
        key="graph",
        description=f"{counted(graph['topics'], 'topic')} and "
        f"{counted(graph['key_concepts'], 'key concept')} of {counted(graph['passages'], 'passage')}; "
        "the most connected are drawn.",
    )


def show_dataset(dataset: Path, rows: int) -> None:
    """Where the data lie, and how to open them."""
    folder = dataset.resolve()
    code = (
        "import pandas as pd\n"
        f"frame = pd.read_parquet({str(folder / 'questions')!r})\n\n"
        "from datasets import load_dataset\n"
        f"rows = load_dataset({str(folder)!r}, split='train')"
    )
    where = f"{counted(rows, 'question')} with answers in\n\n{as_code(str(folder))}"
    text = f"{where}\n\nTo open them in Python:\n\n{as_code(code)}"
    create_markdown_artifact(
        text, key="dataset", description=f"{counted(rows, 'question')} with answers, as Parquet."
    )


def show_viewer(run_folder: Path) -> None:
    """A link to the run in the viewer, and the command that starts one."""
    folder = run_folder.resolve()
    started = as_code(f"synth view {shlex.quote(str(folder))}")
    create_link_artifact(
        link=f"http://127.0.0.1:{VIEWER_PORT}/d/{quote(folder.name, safe='')}",
        link_text="See every row, and where it comes from",
        key="viewer",
        description=f"The link opens once the viewer runs on this machine:\n\n{started}",
    )


def unwrapped(markdown: str) -> str:
    """Each paragraph on one line, since the UI takes the end of a line for that of a paragraph."""
    return "".join(
        block if block.startswith("```") else _WRAPPED.sub(" ", block) for block in _CODE.split(markdown)
    )


def _as_markdown(cells: Sequence[Mapping[str, Any]]) -> str:
    """A table, whose cells are names, numbers and words of ours."""
    rows = [list(cells[0]), ["---"] * len(cells[0]), *([str(c) for c in row.values()] for row in cells)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _small(picture: Path) -> bytes:
    """The picture with few colours: it travels with every listing of a run's artifacts."""
    buffer = io.BytesIO()
    with Image.open(picture) as image:
        image.thumbnail((PICTURE_PIXELS, PICTURE_PIXELS))
        image.convert("RGB").quantize(colors=64).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def as_code(text: str) -> str:
    """Any text as a block of code, which nothing in it can leave."""
    shown = plain(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{shown}\n{fence}"


def _funnel_cells(row: FunnelRow) -> dict[str, Any]:
    why = ", ".join(f"{reason} {count:,}" for reason, count in row.reasons.items())
    return {
        "stage": row.stage, "rows in": row.inputs, "used": row.parents, "rows out": row.outputs,
        "rejected": row.rejected, "reused": row.reused, "why": why,
    }  # fmt: skip


def _funnel_sentence(run_folder: Path, rows: list[FunnelRow]) -> str:
    if not rows:
        return f"Run {markdown_text(run_folder.name)}: no stage has finished."
    last, fallen = rows[-1], sum(row.rejected for row in rows)
    return (
        f"Run {markdown_text(run_folder.name)}: {counted(rows[0].inputs, 'source')} in, "
        f"{counted(last.outputs, 'row')} out of {last.stage}, {fallen:,} rejected on the way. {LEGEND}"
    )


def _example(run_folder: Path, stage: str, manifest: Manifest, reason: str) -> str:
    """One rejected row as Markdown."""
    row = _rejected_row(run_folder, manifest, reason)
    kept = json.loads(row["row"])
    shown = next((kept[name] for name in SHOWN if kept.get(name)), row["source"])
    text = "(the text of a benchmark is not shown)" if reason in WITHHELD else line(shown, EXCERPT_CHARS)
    found = textwrap.fill(line(row["detail"], EXCERPT_CHARS), CODE_COLUMNS)
    block = as_code(f"{found}\n\n{textwrap.fill(text, CODE_COLUMNS)}")
    return f"**{stage}, {reason}**\n\n{block}"


def _rejected_row(run_folder: Path, manifest: Manifest, reason: str) -> dict[str, Any]:
    """From the first part that has one: a part is small, the whole table may not be."""
    part = next(part for part in manifest.parts if part.reasons.get(reason))
    path = next(run_folder / file.path for file in part.files if file.table == "rejected")
    columns = ["source", "detail", "row"]
    found = pq.read_table(path, columns=columns, filters=[("reason", "==", reason)], partitioning=None)
    row: dict[str, Any] = found.slice(0, 1).to_pylist()[0]
    return row
