"""bespokelabs-curator: one `LLM` with the `openai` backend, its limits by time lifted out of the way."""

import os

from benchmarks.peers.rows import MODEL, TIMEOUT_S, Task, prompts, task, without_download


def run(given: Task) -> None:
    """One whole run."""
    os.environ.update(
        CURATOR_CACHE_DIR=str(given.folder / "cache"), CURATOR_DISABLE_RICH_DISPLAY="1", OPENAI_API_KEY="none"
    )
    without_download()
    from bespokelabs import curator

    asked = curator.LLM(
        model_name=MODEL,
        backend="openai",
        backend_params={
            "base_url": given.url,
            "api_key": "none",
            "max_concurrent_requests": given.in_flight,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 10_000_000_000,
            "max_retries": 10,
            "request_timeout": TIMEOUT_S,
            "seconds_to_pause_on_rate_limit": 1,
        },
    )
    asked(list(prompts(given.rows))).dataset.to_parquet(str(given.folder / "rows.parquet"))


if __name__ == "__main__":
    run(task())
