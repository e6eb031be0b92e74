"""What `synth dedup` is told, as a form: for the flow, its page in the UI, and the table of deployments."""

from typing import Literal

from pydantic import Field, model_validator

from synth.config_base import Config, Share


class DedupConfig(Config):
    """Which tables are deduplicated, and how."""

    inputs: tuple[str, ...] = Field(
        min_length=1, title="Tables", description="Files, or folders of them: Parquet, JSON Lines or CSV."
    )
    out: str = Field(title="Results", description="Folder for kept.parquet and removed.parquet.")
    text: str = Field("question", title="Text", description="Column of the texts.")
    id: str | None = Field(None, title="Id", description="Column of the ids that `dup_of` names.")
    quality: str | None = Field(None, title="Quality", description="Column of numbers: the higher stays.")
    threshold: float = Field(
        0.7, gt=0, le=1, title="Threshold", description="Jaccard similarity from which a row goes."
    )
    twins: Literal["keep", "alike", "remove"] = Field(
        "keep", title="Twins", description="Texts that are equal but for their numbers."
    )
    index: str | None = Field(
        None, title="Index", description="Folder of an index of rows kept before; these are added to it."
    )
    semantic: bool = Field(
        False, title="Same meaning", description="Look for rows that say the same in other words as well."
    )
    cosine: Share = Field(
        0.7, title="Cosine", description="Least cosine of such rows; it belongs to the embedder."
    )
    agreement: float = Field(
        0.75, gt=0, le=1, title="Agreement", description="Least share of numbers that both have."
    )
    embedder: str = Field("wordllama", title="Embedder", description="An entry that gives embeddings.")
    judge: str | None = Field(
        None, title="Judge", description="A model that decides on rows that are near in meaning."
    )
    overrides: tuple[str, ...] = Field(
        (), title="Entries", description="Entries of models, as --set of the command line has them."
    )
    shingle: int = Field(5, ge=1, le=50, title="Shingle", description="Words of an n-gram.")
    permutations: int = Field(128, ge=1, le=1024, title="Permutations", description="MinHash functions.")
    bands: int = Field(25, ge=1, le=256, title="Bands", description="More of them see more pairs.")
    rows: int = Field(5, ge=1, le=64, title="Rows per band", description="MinHash values of a band.")
    memory_rows: int = Field(
        1_500_000, ge=1_000, title="Rows in memory", description="More than these lie on the disk."
    )
    force: bool = Field(False, title="Overwrite", description="Overwrite results that are there.")
    runner: Literal["threads", "processes"] = Field(
        "threads", title="Runner", description="What the tasks of the flow run in."
    )
    tasks: int = Field(
        2, ge=1, le=200, title="At once", description="How many tasks are at work at the same time."
    )

    @model_validator(mode="after")
    def _fits(self) -> "DedupConfig":
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"bands x rows is {self.bands * self.rows}, more than {self.permutations} permutations"
            )
        if self.judge and not self.semantic:
            raise ValueError("judge: a judge decides on the same meaning alone; switch `semantic` on")
        return self
