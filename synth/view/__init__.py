"""The viewer: runs and tables of Parquet as pages, rendered here, each of them an address.

In: a folder of runs, a run, or any Parquet. Out: an ASGI application (`synth.view.app.create`). Nothing is
written but an index for searching, beside the run and never inside `dataset/`.
"""
