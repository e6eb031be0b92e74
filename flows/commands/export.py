"""`synth export`: the dataset of a run, or rollouts, as a trainer reads them."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.terminal import say
from synth.errors import ConfigError
from synth.places import dataset_of, find_run
from synth.text import counted

if TYPE_CHECKING:
    from synth.export import Exported, Options

ROLLOUTS = "Of rollouts"
# The dataset as a folder of pages: no rows for a trainer, so it is none of the forms.
SITE = "site"
# The folders of a run's dataset, as `publish` writes them.
PARTS = ["questions/*", "documents/*", "concepts/*", "rejected/*"]


def export(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Folder of a run, or its name; not needed with --rollouts."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORM",
            help="sft, alpaca, sharegpt, dpo, rl; rows as jsonl or parquet; site; or a form that you added.",
        ),
    ] = None,
    out: Annotated[
        str, typer.Option("--out", metavar="PATH", help="File, folder, or OWNER/NAME with --to hub.")
    ] = "",
    kind: Annotated[
        Literal["jsonl", "parquet"] | None,
        typer.Option("--as", help="JSON Lines or Parquet; without it, by the suffix of --out."),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", metavar="TEXT", help="A system prompt before each question.")
    ] = None,
    style: Annotated[
        Literal["conversational", "standard"],
        typer.Option("--style", help="Messages with roles, or plain text, where the trainer takes both."),
    ] = "conversational",
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="COLUMN", help="Keep a column too; may be given several times."),
    ] = None,
    test_share: Annotated[
        float, typer.Option("--test-share", metavar="SHARE", help="Make a test file too; 0.1 is a tenth.")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="Decides every draw, and who is in the test file.")] = 0,
    data_source: Annotated[
        str | None,
        typer.Option("--data-source", metavar="NAME", help="Name by which verl chooses its reward, for rl."),
    ] = None,
    rollouts: Annotated[
        Path | None,
        typer.Option(
            "--rollouts", metavar="FILE", rich_help_panel=ROLLOUTS,
            help="A table of rollouts (Parquet, JSON Lines, CSV), or a run that has some, by folder or name.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="ID", help="Only those of this model.", rich_help_panel=ROLLOUTS),
    ] = None,
    per_problem: Annotated[
        int,
        typer.Option(
            "--per-problem", min=0, metavar="N", rich_help_panel=ROLLOUTS,
            help="At most so many rows or pairs of each problem; 0 is all.",
        ),
    ] = 0,
    choose: Annotated[
        Literal["seeded", "shortest"],
        typer.Option("--choose", help="Which right responses, for sft.", rich_help_panel=ROLLOUTS),
    ] = "seeded",
    match: Annotated[
        Literal["length", "seeded"],
        typer.Option("--match", help="Which responses make a pair, for dpo.", rich_help_panel=ROLLOUTS),
    ] = "length",
    truncated: Annotated[
        bool,
        typer.Option(
            "--truncated", rich_help_panel=ROLLOUTS, help="A truncated response may be rejected too, for dpo."
        ),
    ] = False,
    max_pass_rate: Annotated[
        float,
        typer.Option("--max-pass-rate", help="Drop what is solved more, for rl.", rich_help_panel=ROLLOUTS),
    ] = 0.5,
    max_length_cv: Annotated[
        float,
        typer.Option(
            "--max-length-cv", rich_help_panel=ROLLOUTS,
            help="Drop problems whose lengths of responses differ more (deviation by mean), for rl.",
        ),
    ] = 0.5,
    to: Annotated[
        Literal["file", "hub"],
        typer.Option("--to", help="A file here, or a dataset repository of the Hugging Face hub."),
    ] = "file",
    public: Annotated[
        bool, typer.Option("--public", help="With --to hub: a new repository is open to everyone.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:  # fmt: skip
    """Write the dataset of a run, or rollouts, as files for a trainer."""
    from synth.export import Options
    from synth.export import export as write

    options = Options(
        kind=kind, style=style, system=system, keep=tuple(keep or ()), test_share=test_share, seed=seed,
        data_source=data_source, rollouts=_table(rollouts), model=model, per_problem=per_problem,
        choose=choose, match=match, truncated=truncated, max_pass_rate=max_pass_rate,
        max_length_cv=max_length_cv,
    )  # fmt: skip
    folder = find_run(run) if run else None
    if not out:
        raise ConfigError("Name the file or folder to write with --out PATH.")
    if to == "hub":
        if form == SITE:
            raise ConfigError("A site goes into a folder; leave --to out, and copy the folder to a server.")
        _push(folder, form, out, options, public, force)
        return
    if form is None:
        raise ConfigError("Name a form with --format, for example --format sft.")
    if form == SITE:
        _site(folder, Path(out), force)
        return
    _say(write(folder, form, Path(out), force, options))


def _site(folder: Path | None, out: Path, force: bool) -> None:
    from synth.site import write_site

    if folder is None:
        raise ConfigError("Name the run whose dataset the site is to show.")
    done = write_site(folder, out, force)
    say(f"Wrote a site of {counted(done.rows, 'row')} to {done.path}; any file server can show it")


def _table(rollouts: Path | None) -> Path | None:
    """A file as it was given; a run by its folder."""
    if rollouts is None or rollouts.exists() or rollouts.suffix:
        return rollouts
    return find_run(str(rollouts))


def _say(done: "Exported", where: object = None) -> None:
    say(f"Wrote {counted(done.rows, 'row')} to {where or done.path}")
    for why, count in done.left_out.items():
        say(f"Left out {count:,}: {why}")
    if done.rejected:
        say(f"Rows of the rollouts that could not be read are in {done.rejected}")


def _push(
    folder: Path | None, form: str | None, repository: str, options: "Options", public: bool, force: bool
) -> None:
    from flows.hub import check, push

    check(repository)
    send: Callable[[Path, list[str]], str] = lambda path, old: push(path, repository, public, force, old)  # noqa: E731
    if form is None:
        if folder is None:
            raise ConfigError("Name a run, whose dataset goes to the hub, or a form with --format.")
        _whole(folder, send)
    else:
        _export(folder, form, repository, options, send)


def _whole(folder: Path, send: "Callable[[Path, list[str]], str]") -> None:
    from synth.export.sources import dataset_files

    dataset_files(folder)  # or it says what is missing
    say(f"Pushed the dataset of {folder.name} to {send(dataset_of(folder), PARTS)}")


def _export(
    folder: Path | None, form: str, repository: str, options: "Options",
    send: "Callable[[Path, list[str]], str]",
) -> None:  # fmt: skip
    from dataclasses import replace

    from synth.export import export as write
    from synth.export.card import FILES, card

    with tempfile.TemporaryDirectory(prefix="synth-") as scratch:
        data = Path(scratch) / "export" / FILES
        data.mkdir(parents=True)
        out = data if options.test_share else data / "train.parquet"
        done = write(folder, form, out, options=replace(options, kind="parquet"))
        splits = [path.stem for path in done.files]
        text = card(repository.partition("/")[2], form, done.rows, splits, folder)
        (data.parent / "README.md").write_text(text, encoding="utf-8")
        where = send(data.parent, [f"{FILES}/*"])
        _say(done._replace(rejected=None), where)
