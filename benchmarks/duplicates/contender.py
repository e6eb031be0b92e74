"""One contender on one corpus: from Parquet to pairs, or to rows that are flagged. Runs in its own environment.

`python contender.py NAME CORPUS ROWS OUT` writes `pairs` or `flags` into OUT as JSON. It imports nothing of synth.
"""

import json
import re
import sys
from pathlib import Path

import pyarrow.parquet as pq

WORDS = re.compile(r"\w+")
PERMUTATIONS, THRESHOLD, WIDTH = 128, 0.7, 5


def texts(path, rows):
    """The first rows of the corpus."""
    return pq.read_table(path, columns=["text"])["text"][:rows].to_pylist()


def shingles(text):
    """The distinct runs of five words, as each README makes them."""
    words = WORDS.findall(text.lower())
    return {" ".join(words[i : i + WIDTH]) for i in range(max(1, len(words) - WIDTH + 1))}


def _queried(index, sketches):
    found = set()
    for i, sketch in enumerate(sketches):
        found.update((min(i, j), max(i, j)) for j in index.query(sketch) if j != i)
    return found


def datasketch_readme(rows):
    """The loop of its README: `update` for each shingle, then insert and query."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    sketches = []
    for i, text in enumerate(rows):
        sketch = MinHash(num_perm=PERMUTATIONS)
        for shingle in shingles(text):
            sketch.update(shingle.encode("utf8"))
        index.insert(i, sketch)
        sketches.append(sketch)
    return {"pairs": sorted(_queried(index, sketches))}


def datasketch_best(rows):
    """Its fastest way: a generator of sketches, xxHash, and one insertion session."""
    import xxhash
    from datasketch import MinHash, MinHashLSH

    made = ([shingle.encode("utf8") for shingle in shingles(text)] for text in rows)
    sketches = list(MinHash.generator(made, num_perm=PERMUTATIONS, hashfunc=xxhash.xxh32_intdigest))
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    with index.insertion_session() as session:
        for i, sketch in enumerate(sketches):
            session.insert(i, sketch)
    return {"pairs": sorted(_queried(index, sketches))}


def rensa_all(rows):
    """All tokens in one matrix, and the flags of one call: its fastest way that looks at every token."""
    from rensa import RMinHash, RMinHashLSH

    matrix = RMinHash.digest_matrix_from_token_sets([shingles(text) for text in rows], PERMUTATIONS, 42)
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
    return {"flags": [bool(flag) for flag in index.query_duplicate_flags_matrix_one_shot(matrix)]}


def rensa_pairs(rows):
    """All tokens, and the pairs."""
    from rensa import RMinHash, RMinHashLSH

    sketches = RMinHash.from_token_sets([shingles(text) for text in rows], PERMUTATIONS, 42)
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
    index.insert_many(sketches)
    near = enumerate(index.query_all(sketches))
    return {"pairs": sorted({(min(i, j), max(i, j)) for i, others in near for j in others if i != j})}


def gaoya(rows):
    """Its index of strings, which makes the shingles itself."""
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(32, THRESHOLD, 14, 9, None, "word", True, (WIDTH, WIDTH))
    for i, text in enumerate(rows):
        index.insert_document(i, text)
    near = ((i, index.query(text)) for i, text in enumerate(rows))
    return {"pairs": sorted({(min(i, j), max(i, j)) for i, others in near for j in others if i != j})}


def text_dedup(rows):
    """Its command line, without its own check; it tells the rows that it keeps."""
    import subprocess
    import tempfile

    import pyarrow as pa
    from datasets import load_from_disk

    with tempfile.TemporaryDirectory() as folder:
        table = pa.table({"text": rows, "place": list(range(len(rows)))})
        pq.write_table(table, f"{folder}/rows.parquet")
        options = [
            "--path", "parquet", "--data_files", f"{folder}/rows.parquet", "--split", "train", "--cache_dir",
            f"{folder}/cache", "--output", f"{folder}/out", "--column", "text", "--batch_size", "10000", "--ngram", "5",
            "--min_length", "1", "--threshold", str(THRESHOLD), "--num_perm", str(PERMUTATIONS), "--num_proc", "1",
        ]  # fmt: skip
        subprocess.run([sys.executable, "-m", "text_dedup.minhash", *options], check=True, stdout=sys.stderr)
        kept = load_from_disk(f"{folder}/out")["place"]
    return {"removed": sorted(set(range(len(rows))) - set(kept))}


def datatrove(rows):
    """Its four steps, in one process: signatures, buckets, clusters, filter."""
    import tempfile

    from datatrove.data import Document
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig

    config = MinhashConfig(n_grams=WIDTH, num_buckets=14, hashes_per_bucket=9)
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        MinhashDedupSignature(str(at / "signatures"), config).run(
            (Document(text=text, id=str(i)) for i, text in enumerate(rows)), 0, 1
        )
        for rank in range(config.num_buckets):
            MinhashDedupBuckets(str(at / "signatures"), str(at / "buckets"), config=config).run(
                None, rank, config.num_buckets
            )
        MinhashDedupCluster(str(at / "buckets"), str(at / "removed"), config=config).run(None, 0, 1)
        documents = (Document(text=text, id=str(i)) for i, text in enumerate(rows))
        kept = {int(d.id) for d in MinhashDedupFilter(str(at / "removed")).run(documents, 0, 1)}
    return {"removed": sorted(set(range(len(rows))) - kept)}


def memory():
    """The most memory that this process had, in MB; `ru_maxrss` would count what its parent had."""
    with Path("/proc/self/status").open() as file:
        return next(int(line.split()[1]) / 1000 for line in file if line.startswith("VmHWM"))


if __name__ == "__main__":
    name, path, rows, out = sys.argv[1:]
    given = texts(path, int(rows))
    found = globals()[name](given) | {"memory": memory()}
    Path(out).write_text(json.dumps(found))
