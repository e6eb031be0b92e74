"""data-designer: one text column over a seed table of prompts; early shutdown, telemetry and metrics off."""

import pandas as pd

from benchmarks.peers.rows import MODEL, TIMEOUT_S, Task, prompts, task, without_download


def run(given: Task) -> None:
    """One whole run; its own files are the rows."""
    without_download()
    import data_designer.config as dd
    from data_designer.interface import DataDesigner

    model = dd.ModelConfig(
        alias="far",
        model=MODEL,
        provider="far",
        skip_health_check=True,
        inference_parameters=dd.ChatCompletionInferenceParams(
            max_parallel_requests=given.in_flight, timeout=TIMEOUT_S
        ),
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=pd.DataFrame({"asked": list(prompts(given.rows))})))
    builder.add_column(dd.LLMTextColumnConfig(name="answer", model_alias="far", prompt="{{ asked }}"))
    designer = DataDesigner(
        artifact_path=given.folder,
        model_providers=[dd.ModelProvider(name="far", endpoint=given.url, api_key="none")],
    )
    designer.set_run_config(
        dd.RunConfig(
            disable_early_shutdown=True,
            max_concurrent_row_groups=6,
            otel_metrics_port=None,
            progress_interval=60.0,
        )
    )
    designer.create(builder, num_records=given.rows)


if __name__ == "__main__":
    run(task())
