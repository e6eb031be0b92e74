"""The section `screen`: rules, duplicates and contamination."""

from typing import Literal

from pydantic import Field, model_validator

from synth.config_models import Config, Count, Share


class ScreenConfig(Config):
    """Rules, duplicates and contamination."""

    min_words: Count = Field(3, title="Fewest words", description="Shorter questions are rejected.")
    max_words: Count = Field(400, title="Most words", description="Longer questions are rejected.")
    reject_proofs: bool = Field(False, title="Reject proofs", description="Proofs cannot be checked.")
    reject_multiple_choice: bool = Field(
        True, title="Reject multiple choice", description="Choices leak the answer."
    )
    reject_multiple_parts: bool = Field(
        True, title="Reject several parts", description="Several questions have several answers."
    )
    shingle_words: int = Field(
        3, ge=1, title="Shingle", description="Words per shingle; questions are short."
    )
    permutations: int = Field(128, ge=16, title="Permutations", description="MinHash functions.")
    bands: int = Field(25, ge=1, title="Bands", description="Bands x rows must not exceed permutations.")
    rows: int = Field(
        5,
        ge=1,
        title="Rows per band",
        description="A pair at similarity s is a candidate with 1-(1-s^rows)^bands: 0.99 at s=0.7.",
    )
    threshold: Share = Field(
        0.7, title="Threshold", description="Exact Jaccard from which a pair is duplicate."
    )
    twins: Literal["keep", "alike"] = Field(
        "keep",
        title="Twins",
        description="Questions equal but for numbers: `keep`, or treat them `alike`: as any near-duplicates.",
    )
    index: str = Field(
        "",
        title="Index",
        description="Folder of an index (`synth dedup --index`) of earlier questions that none may repeat.",
    )
    semantic: bool = Field(
        False,
        title="Same meaning",
        description="Look for questions that say the same in other words, by the embedder, their numbers, and"
        " the first judge where one is set.",
    )
    semantic_cosine: Share = Field(
        0.7,
        title="Cosine of the same",
        description="Least cosine of such questions; it belongs to the embedder.",
    )
    semantic_agreement: float = Field(
        0.75, gt=0, le=1, title="Numbers of the same", description="Least share of numbers that both have."
    )
    benchmarks: tuple[str, ...] = Field(
        (), title="Benchmarks", description="Files whose items must not appear in the output."
    )
    benchmark_ngram: int = Field(
        10,
        ge=3,
        title="Benchmark n-gram",
        description="Words in a run; 3 more in a row, or runs that are a quarter of a text, contaminate it.",
    )
    benchmark_column: str | None = Field(
        None,
        title="Benchmark column",
        description="Column of the benchmarks' questions, where a file has it; else question, problem, "
        "prompt, text, instruction or query.",
    )
    benchmark_jaccard: float = Field(
        0.5, gt=0, le=1, title="Edited copy", description="Similarity to an item from which a text copies it."
    )
    paraphrases: bool = Field(
        True,
        title="Paraphrases",
        description="Look for items of benchmarks in other words, by the embedder and by their numbers.",
    )
    paraphrase_cosine: Share = Field(
        0.65,
        title="Paraphrase cosine",
        description="Least cosine of a paraphrase and its item; it belongs to the embedder.",
    )
    paraphrase_agreement: float = Field(
        0.6, gt=0, le=1, title="Agreement", description="Least share of numbers that both have (Jaccard)."
    )
    copied_source: Share = Field(
        1.0,
        title="Copy of source",
        description="Share of n-grams found in one reference above which a question is a copy; 1 keeps all.",
    )
    copied_example: Share = Field(
        0.5, title="Copy of example", description="The same against the examples in the prompt."
    )
    copy_ngram: int = Field(5, ge=1, title="Copy n-gram", description="Words per n-gram of both copy checks.")

    @model_validator(mode="after")
    def _bands_fit(self) -> "ScreenConfig":
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"bands x rows is {self.bands * self.rows}, more than {self.permutations} permutations"
            )
        return self
