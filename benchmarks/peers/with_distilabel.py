"""distilabel: `TextGeneration` over rows in memory, a thousand to a batch, since a batch waits for its slowest."""

from benchmarks.peers.rows import MODEL, TIMEOUT_S, Task, prompts, task

BATCH = 1_000


def run(given: Task) -> None:
    """One whole run."""
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    with Pipeline(name="rows", cache_dir=given.folder / "cache") as pipeline:
        asked = LoadDataFromDicts(
            data=[{"instruction": text} for text in prompts(given.rows)], batch_size=BATCH
        )
        model = OpenAILLM(model=MODEL, base_url=given.url, api_key="none", timeout=TIMEOUT_S, max_retries=10)
        asked >> TextGeneration(llm=model, input_batch_size=BATCH)
    made = pipeline.run(use_cache=False)
    made["default"]["train"].to_parquet(str(given.folder / "rows.parquet"))


if __name__ == "__main__":
    run(task())
