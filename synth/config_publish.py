"""The sections `publish` and `store`: where a finished dataset goes, and what was taken before."""

from typing import Annotated

from pydantic import Field

from synth.config_base import Config, Count, Share

FolderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class PublishConfig(Config):
    """Versions of a dataset, `datasets/NAME/v0001` and so on; none is ever changed, `latest` names one."""

    dataset: FolderName | None = Field(
        None,
        title="Dataset",
        description="Publish each new result as the next version of this dataset; left out: in the run's"
        " folder only (with a store: under the store's name).",
    )
    keep: Count = Field(
        0, title="Keep", description="Versions to keep, the newest; 0 keeps all. The latest always stays."
    )
    min_yield: Share = Field(
        0.0,
        title="Least yield",
        description="Least share of the questions written that should be published; where fewer are, the run"
        " ends all the same, and tells it as an event. 0 never does.",
    )


class StoreConfig(Config):
    """What outlives a run: which documents and logs were taken, so that the next run takes the others."""

    name: FolderName | None = Field(
        None,
        title="Name",
        description="Take only what this store has not seen, then publish all of its runs as one dataset.",
    )
    seen: tuple[str, ...] = Field(
        (), title="Seen", description="Files of ids that are left out; a store fills this in by itself."
    )
    index: str = Field(
        "",
        title="Index",
        description="Folder of an index of earlier questions that none may repeat; a store fills this in.",
    )
    runs: tuple[str, ...] = Field(
        (), title="Runs", description="Which runs of that index count: the earlier ones; filled in with it."
    )
