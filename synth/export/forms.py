"""The forms of trainers, one function each: `docs/exports.md` shows how each is loaded.

In: a row with `id`, `question`, and `answer`, `label` or `chosen` and `rejected`. Out: the row as the trainer
names its columns.
"""

import pyarrow as pa

from synth.export.labels import fault_of
from synth.export.options import Exporter, LeftOut, Options, Row

TEXT = pa.string()
MESSAGES = pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))
TURNS = pa.list_(pa.struct([("from", TEXT), ("value", TEXT)]))
# Between a prompt and what follows it, where no chat template parts them.
BREAK = "\n\n"
MATHEMATICS = "mathematics"


def sft(row: Row, options: Options) -> Row:
    """A conversation of two turns, or prompt and completion as plain text."""
    if options.style == "standard":
        return {"id": row["id"], "prompt": _plain(row, options), "completion": row["answer"]}
    return {"id": row["id"], "messages": [*_asked(row, options), *_said(row["answer"])]}


def alpaca(row: Row, options: Options) -> Row:
    """Instruction and output; the input, which Alpaca has for a text that is worked upon, is empty."""
    made = {"id": row["id"], "instruction": row["question"], "input": "", "output": row["answer"]}
    return made | ({"system": options.system} if options.system else {})


def sharegpt(row: Row, options: Options) -> Row:
    """A conversation in ShareGPT's words."""
    turns = [("human", row["question"]), ("gpt", row["answer"])]
    turns = [("system", options.system), *turns] if options.system else turns
    return {"id": row["id"], "conversations": [{"from": who, "value": text} for who, text in turns]}


def dpo(row: Row, options: Options) -> Row:
    """A prompt with a right response and a wrong one."""
    if options.style == "standard":
        texts = {"prompt": _plain(row, options), "chosen": row["chosen"], "rejected": row["rejected"]}
        return {"id": row["id"], **texts}
    sides = {side: _said(row[side]) for side in ("chosen", "rejected")}
    return {"id": row["id"], "prompt": _asked(row, options), **sides}


def rl(row: Row, options: Options) -> Row:
    """A prompt with its label: verl's columns, and `solution`, which TRL's rewards read.

    Raises:
        LeftOut: no rule can check the label.
    """
    label = row.get("label") or ""
    if fault := fault_of(label):
        raise LeftOut(fault)
    domain = row.get("domain") or MATHEMATICS
    ability = "math" if domain == MATHEMATICS else domain
    return {
        "id": row["id"],
        "data_source": options.data_source or ability,
        "prompt": _plain(row, options) if options.style == "standard" else _asked(row, options),
        "ability": ability,
        "reward_model": {"style": "rule", "ground_truth": label},
        "extra_info": {"split": row["split"], "index": row["index"], "id": row["id"]},
        # Boxed, it is found whatever it is: a bare `1,000` or `x = 2` would be read in parts.
        "solution": f"\\boxed{{{label}}}",
    }


def _asked(row: Row, options: Options) -> list[Row]:
    system = [{"role": "system", "content": options.system}] if options.system else []
    return [*system, {"role": "user", "content": row["question"]}]


def _said(text: str) -> list[Row]:
    return [{"role": "assistant", "content": text}]


def _plain(row: Row, options: Options) -> str:
    parts = [options.system, row["question"]] if options.system else [row["question"]]
    return "".join(f"{part.strip()}{BREAK}" for part in parts)


def _sft_schema(options: Options) -> pa.Schema:
    plain = [("prompt", TEXT), ("completion", TEXT)]
    return pa.schema([("id", TEXT), *(plain if options.style == "standard" else [("messages", MESSAGES)])])


def _alpaca_schema(options: Options) -> pa.Schema:
    system = ["system"] if options.system else []
    return pa.schema([(name, TEXT) for name in ("id", "instruction", "input", "output", *system)])


def _dpo_schema(options: Options) -> pa.Schema:
    kind = TEXT if options.style == "standard" else MESSAGES
    return pa.schema([("id", TEXT), *((name, kind) for name in ("prompt", "chosen", "rejected"))])


def _rl_schema(options: Options) -> pa.Schema:
    reward = pa.struct([("style", TEXT), ("ground_truth", TEXT)])
    extra = pa.struct([("split", TEXT), ("index", pa.int64()), ("id", TEXT)])
    prompt = TEXT if options.style == "standard" else MESSAGES
    return pa.schema(
        [
            *(("id", TEXT), ("data_source", TEXT), ("prompt", prompt), ("ability", TEXT)),
            *(("reward_model", reward), ("extra_info", extra), ("solution", TEXT)),
        ]
    )


BUILT_IN: dict[str, Exporter] = {
    "sft": Exporter(sft, "questions", _sft_schema),
    "alpaca": Exporter(alpaca, "questions", _alpaca_schema),
    "sharegpt": Exporter(
        sharegpt, "questions", lambda options: pa.schema([("id", TEXT), ("conversations", TURNS)])
    ),
    "dpo": Exporter(dpo, "pairs", _dpo_schema),
    "rl": Exporter(rl, "prompts", _rl_schema),
}
