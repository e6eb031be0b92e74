"""The dataset of a run as a static folder: any file server can show it, and nothing runs there.

In: the published questions of a run. Out: pages with every text as text, the rows as JSON in shards, the
Parquet files as they are. The first pages are whole without script, which reads the rest from the shards.
"""

import shutil
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from synth.errors import ConfigError, StoreError
from synth.export.sources import dataset_files
from synth.places import dataset_of
from synth.publish.card import demo_model
from synth.report import read_stats
from synth.site.pages import Pages
from synth.site.shards import PAGE, SHARD, Shards, rows_of
from synth.view.engine import Engine
from synth.view.profile import Shape, heads, shapes
from synth.view.sources import Table
from synth.writing import write_json

# Pages that are whole without script; a folder with more files would be slow to copy.
MOST_PAGES = 200
MARK = "site.json"
MADE_OF = "synth site"


class Written(NamedTuple):
    """Where a site lies, and how much of it there is."""

    path: Path
    rows: int
    pages: int


def write_site(run_folder: Path, out: Path, force: bool = False) -> Written:
    """Write the site of a run's dataset into a new folder, whole or not at all.

    With `force` a site that is there is replaced, and nothing else ever is.

    Raises:
        StoreError: the run has no dataset, or the folder cannot be written.
        ConfigError: the folder has something in it.
    """
    files = dataset_files(run_folder)
    _check(out, force)
    part = out.with_name(f".{out.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        done = _write(run_folder, files, part)
        if out.exists():
            shutil.rmtree(out)
        part.rename(out)
    except OSError as fault:
        raise StoreError(f"{out}: the site cannot be written ({fault}); make room there.") from fault
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return done._replace(path=out)


def _check(out: Path, force: bool) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise ConfigError(f"{out} is no folder; name another one with --out.")
    if not out.exists() or not any(out.iterdir()):
        return
    ours = (out / MARK).is_file() and MADE_OF in (out / MARK).read_text(encoding="utf-8", errors="replace")
    if not ours:
        raise ConfigError(f"{out} has other files in it; name an empty or a new folder with --out.")
    if not force:
        raise ConfigError(f"{out} has a site in it; name another folder, or replace it with --force.")


def _write(run_folder: Path, files: list[Path], out: Path) -> Written:
    table = Table("dataset", "published rows", tuple(path.resolve() for path in files), "id")
    engine = Engine([dataset_of(run_folder).resolve()])
    try:
        known = shapes(engine, table)
        spread = heads(engine, table, known) if table.rows else {}
    finally:
        engine.close()
    columns = list(known.values())
    _static(out)
    for file in files:
        (out / "data").mkdir(exist_ok=True)
        shutil.copyfile(file, out / "data" / file.name)
    pages = Pages(out, run_folder.resolve().name, columns, table.rows, MOST_PAGES)
    with Shards(out / "rows") as shards:
        for number, row in enumerate(rows_of(files, columns)):
            shards.add(row)
            pages.add(number, row)
    pages.close(spread, [file.name for file in files], _about(run_folder))
    write_json(out / MARK, _facts(run_folder, columns, pages))
    return Written(out, table.rows, pages.whole)


def _about(run_folder: Path) -> dict[str, Any]:
    """Which models wrote the rows, and whose licences they follow, as the dataset's card says it."""
    try:
        told = read_stats(run_folder)
    except StoreError:  # a dataset without figures, as of an older version
        told = {}
    models = {role: model for role, model in told.get("models", {}).items() if model}
    return {
        "demo": demo_model(models.get("generator", "")),
        "models": models,
        "licences": told.get("licences") or {},
        "whose": "the documents named in `sources`" if told.get("sources") else "the problems in the logs",
    }


def _facts(run_folder: Path, columns: list[Shape], pages: Pages) -> dict[str, Any]:
    """What the script has to know of the rows."""
    return {
        "made_of": MADE_OF,
        "name": run_folder.resolve().name,
        "rows": pages.rows,
        "page": PAGE,
        "shard": SHARD,
        "whole": pages.whole,
        "columns": [
            {
                "name": one.name,
                "kind": str(one.kind),
                "doc": one.doc,
                "shown": one in pages.shown,
                "long": one.is_long,
                "trail": one.is_trail,
            }
            for one in columns
        ],
    }


def _static(out: Path) -> None:
    """Style, script and KaTeX of the viewer, and the script of the site."""
    viewer, own = resources.files("synth.view") / "static", resources.files("synth.site") / "static"
    with resources.as_file(viewer) as folder:
        shutil.copytree(folder, out / "static")
    with resources.as_file(own) as folder:
        shutil.copytree(folder, out / "static", dirs_exist_ok=True)
