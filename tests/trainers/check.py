"""What TRL and verl make of the exports, by their own code: loaded, tokenised, one step trained, rewarded.

python tests/trainers/check.py FOLDER, with the packages of requirements.txt and without synth. The model is a few
thousand random numbers and the tokenizer is made here, so nothing comes over the network; prints a line a check.
"""

import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(Path(sys.argv[1]) / "hf"), "CUDA_VISIBLE_DEVICES": ""}

from datasets import Dataset, load_dataset
from omegaconf import OmegaConf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.utils.data import DataLoader
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer
from trl.data_utils import (
    is_conversational,
    is_conversational_from_value,
    maybe_apply_chat_template,
    maybe_convert_to_chatml,
)
from trl.rewards import accuracy_reward
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn
from verl.utils.reward_score import default_compute_score

FOLDER = Path(sys.argv[1])
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
STYLES = ("conversational", "standard")
ARGUMENTS = {
    "output_dir": str(FOLDER / "out"),
    "max_steps": 1,
    "use_cpu": True,
    "report_to": "none",
    "bf16": False,
}


def load(name: str) -> Dataset:
    """A file as a trainer's user loads it."""
    kind = "json" if name.endswith("jsonl") else "parquet"
    return load_dataset(kind, data_files=str(FOLDER / name), split="train")


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level pieces, learnt from the exported questions."""
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer, plain.decoder = (
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
    )
    special = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learn = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    plain.train_from_iterator(load("sft-standard.jsonl")["prompt"], learn)
    made = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<|end|>", pad_token="<|pad|>")
    made.chat_template = TEMPLATE
    return made


TOKENS = tokenizer()


def model() -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(TOKENS), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=4096,
            bos_token_id=None, eos_token_id=TOKENS.eos_token_id, pad_token_id=TOKENS.pad_token_id,
        )
    )  # fmt: skip


def check_sft(style: str, suffix: str) -> str:
    rows = load(f"sft-{style}.{suffix}")
    assert is_conversational(rows[0]) == (style == "conversational")
    trainer = SFTTrainer(
        model(), SFTConfig(**ARGUMENTS, max_length=None), train_dataset=rows, processing_class=TOKENS
    )
    made = TOKENS.decode(trainer.train_dataset[0]["input_ids"])
    texts = (
        rows[0]["messages"]
        if style == "conversational"
        else [{"content": rows[0][k]} for k in ("prompt", "completion")]
    )
    assert all(message["content"] in made for message in texts), made
    assert len(trainer.train_dataset) == len(rows)
    return f"loss {trainer.train().training_loss:.2f} after a step on {len(rows)} rows"


def check_sharegpt() -> str:
    rows = load("sharegpt.jsonl")
    assert is_conversational_from_value(rows[0])
    # TRL renames the columns and leaves the roles, which are those of other trainers.
    made = maybe_convert_to_chatml(rows[0])["messages"]
    assert [turn["role"] for turn in made] == ["human", "gpt"]
    assert all(turn["content"] for turn in made)
    return f"{len(rows)} rows"


def check_dpo(style: str, suffix: str) -> str:
    rows = load(f"dpo-{style}.{suffix}")
    assert is_conversational(rows[0]) == (style == "conversational")
    args = DPOConfig(**ARGUMENTS, max_length=None)
    trainer = DPOTrainer(model(), model(), args=args, train_dataset=rows, processing_class=TOKENS)
    first = trainer.train_dataset[0]
    for side in ("chosen", "rejected"):
        said = rows[0][side][0]["content"] if style == "conversational" else rows[0][side]
        assert said in TOKENS.decode(first[f"{side}_ids"])
    applied = maybe_apply_chat_template(rows[0], TOKENS)
    assert isinstance(applied["chosen"], str)
    return f"loss {trainer.train().training_loss:.2f} after a step on {len(rows)} pairs"


def check_grpo(style: str, suffix: str) -> str:
    rows = load(f"rl-{style}.{suffix}")
    seen: list[list[str]] = []

    def reward(completions: list[Any], solution: list[str], **columns: Any) -> list[float]:
        seen.append(solution)
        assert {"reward_model", "extra_info", "data_source"} <= set(columns)
        return [float(len(str(completion))) for completion in completions]

    args = GRPOConfig(**ARGUMENTS, num_generations=2, per_device_train_batch_size=2, max_completion_length=4)
    GRPOTrainer(model(), reward, args=args, train_dataset=rows, processing_class=TOKENS).train()
    assert seen and seen[0][0].startswith("\\boxed{")
    right = [[{"role": "assistant", "content": f"So it is {row['solution']}."}] for row in rows]
    wrong = [[{"role": "assistant", "content": "So it is \\boxed{-987654}."}] for _ in rows]
    assert accuracy_reward(right, rows["solution"]) == [1.0] * len(rows)
    assert accuracy_reward(wrong, rows["solution"]) == [0.0] * len(rows)
    return f"a step on {len(rows)} prompts, and the accuracy reward tells right from wrong"


def check_verl(suffix: str) -> str:
    config = OmegaConf.create({"cache_dir": str(FOLDER / "verl"), "filter_overlong_prompts_workers": 1})
    rows = RLHFDataset(str(FOLDER / f"rl-conversational.{suffix}"), TOKENS, config)
    assert len(rows) == len(load(f"rl-conversational.{suffix}"))
    batch = next(iter(DataLoader(rows, batch_size=4, collate_fn=collate_fn)))
    assert list(batch["index"]) == [0, 1, 2, 3]
    scores = []
    for row in (rows[place] for place in range(len(rows))):
        assert [message["role"] for message in row["raw_prompt"]] == ["system", "user"]
        truth = row["reward_model"]["ground_truth"]
        for name in (row["data_source"], "lighteval/MATH"):
            right, wrong = (
                default_compute_score(name, f"So it is \\boxed{{{said}}}.", truth, row["extra_info"])
                for said in (truth, "-987654")
            )
            scores.append((right, wrong))
    best = [right["score"] if isinstance(right, dict) else right for right, _ in scores]
    worst = [wrong["score"] if isinstance(wrong, dict) else wrong for _, wrong in scores]
    assert set(best) == {1.0} and max(worst) <= 0.0, (set(best), set(worst))
    return f"{len(rows)} prompts, and its rewards tell right from wrong"


def check_verl_sft() -> str:
    config = OmegaConf.create({"max_length": 4096, "pad_mode": "no_padding", "truncation": "error"})
    rows = MultiTurnSFTDataset(str(FOLDER / "sft-conversational.parquet"), TOKENS, config)
    first = rows[0]
    assert 0 < int(first["loss_mask"].sum()) < len(first["input_ids"])
    return f"{len(rows)} conversations"


def checks() -> Iterator[tuple[str, Any]]:
    for style in STYLES:
        for suffix in ("jsonl", "parquet"):
            for name, check in (
                ("SFTTrainer", check_sft),
                ("DPOTrainer", check_dpo),
                ("GRPOTrainer", check_grpo),
            ):
                yield f"trl {name} {style} {suffix}", lambda c=check, st=style, su=suffix: c(st, su)
    yield "trl data_utils sharegpt", check_sharegpt
    for suffix in ("jsonl", "parquet"):
        yield f"verl RLHFDataset {suffix}", lambda su=suffix: check_verl(su)
    yield "verl MultiTurnSFTDataset", check_verl_sft


def main() -> None:
    for package in ("trl", "verl", "transformers", "torch", "datasets", "math-verify"):
        print(package, metadata.version(package))
    failed = 0
    for name, check in checks():
        try:
            print(f"ok    {name}: {check()}", flush=True)
        except Exception as fault:
            failed += 1
            print(f"FAIL  {name}: {type(fault).__name__}: {fault}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
