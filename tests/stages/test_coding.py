"""Code in the stages answers and difficulty, against scripted solvers: what is believed, kept, and thrown out."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError
from synth.llm.client import Client
from synth.llm.fake import FakeModel, FakeReply
from synth.llm.journal import Journal
from synth.prompts.library import PromptLibrary
from synth.prompts.replies import Unparseable
from synth.settings import build
from synth.stages.answers import answer_questions
from synth.stages.base import Output
from synth.stages.calls import Services
from synth.stages.coding import solution_and_tests
from synth.stages.difficulty import FIRST_SAMPLE, try_questions
from synth.verify.by_kind import codes
from synth.verify.code import sandbox as boxes
from synth.verify.code.check import runner
from synth.verify.code.sandbox import Sandbox, ready_sandbox
from tests.stages.test_judge import question, tables

Body = dict[str, Any]
Said = str | FakeReply
SECONDS = 5.0
SOLVE = "def solve(n):\n    return 2 * n + {rest}\n"
ASSERT = "assert solve(0) == {rest}\nassert solve(4) == 8 + {rest}\n"


@pytest.fixture(scope="module", autouse=True)
def box() -> Sandbox:
    made = Sandbox()
    try:
        made.require()
    except ConfigError as fault:
        pytest.skip(str(fault))
    return made


def settings(mode: str = "vote", samples: int = 4, **more: Any) -> RunConfig:
    entry = {"base_url": "fake:", "model": "one", "max_tries": 1}
    code = {"enabled": True, "seconds": SECONDS, "memory_mb": 256}
    return build(
        {
            "models": {"one": entry},
            "roles": {"generator": "one", "student": "one"},
            "answers": {"kind": "code", "mode": mode, "samples": samples, "max_chars": 5_000},
            "difficulty": {"keep": "all"},
            "code": code,
            **more,
        }
    )


def blocks(*codes: str) -> str:
    return "It counts.\n\n" + "\n\n".join(f"```python\n{code}```" for code in codes)


def solved(rest: int, tests: int | None = None, code: str = SOLVE) -> str:
    """A solution that adds so much, with tests that expect so much."""
    return blocks(code.format(rest=rest), ASSERT.format(rest=rest if tests is None else tests))


@contextmanager
def services(folder: Path, config: RunConfig, *said: Said) -> Iterator[Services]:
    """What the samples of each question say, by their numbers."""
    model = FakeModel(lambda body: said[body["seed"] % FIRST_SAMPLE])
    with Journal(folder / "calls") as journal, Client(config.endpoints(), journal, fake=model) as client:
        yield Services(client, PromptLibrary(), folder)


@pytest.fixture
def answer(tmp_path: Path) -> Callable[..., Output]:
    def run(*said: Said, mode: str = "vote") -> Output:
        config = settings(mode, max(2, len(said)))
        with services(tmp_path, config, *said) as given:
            made = answer_questions(*tables([question(0)]), config, given)
        made.check_balance("answers")
        return made

    return run


def rows(made: Output, table: str = "answers") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made.tables[table].to_pylist()
    return sorted(found, key=lambda row: row["sample"])


def fallen(made: Output) -> list[tuple[str, str]]:
    """Question or sample, and why."""
    return sorted((row.row_id[:2], row.reason) for row in made.rejected)


def test_one_that_passes_its_own_tests_is_an_answer_with_these_as_its_label(
    answer: Callable[..., Output], box: Sandbox
) -> None:
    made = answer(solved(3), mode="single")
    (row,) = rows(made)
    assert (row["answer"], row["final_answer"]) == (solved(3), ASSERT.format(rest=3))
    assert (row["mode"], row["samples"], row["agreement"]) == ("single", 1, None)
    assert row["prompt_id"] == "answer_code.v1"
    assert rows(made, "candidates") == made.rejected == []
    # As it stands the label tells right from wrong.
    said = [solved(3), blocks(SOLVE.format(rest=3)), solved(4)]
    verdicts = codes(said, [row["final_answer"]] * len(said), box, 1)
    assert [verdict.correct for verdict in verdicts] == [True, True, False]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (solved(3, tests=4), "failed_tests"),
        (blocks(SOLVE.format(rest=3)), "unparseable"),
        (blocks(SOLVE.format(rest=3), "solve(3)\n"), "unparseable"),
        (blocks("def solve(n:\n", ASSERT.format(rest=3)), "unparseable"),
        ("The answer is \\boxed{3}.", "unparseable"),
        (solved(3) + "x" * 5_000, "too_long"),
        (FakeReply(solved(3), "length"), "truncated"),
        (blocks(SOLVE.format(rest=3), "assert 1 == 1\n"), "failed_tests"),
    ],
)
def test_one_that_does_not_takes_its_question_with_it(
    answer: Callable[..., Output], said: Said, reason: str
) -> None:
    made = answer(said, mode="single")
    assert rows(made) == []
    (row,) = made.rejected
    assert (row.row_id, row.reason) == ("q_0", reason)
    assert row.detail
    assert row.row["reply"]


def test_solutions_agree_by_what_they_do(answer: Callable[..., Output]) -> None:
    """Two right ones in other words; a wrong one with tests to match; one whose tests are wrong."""
    looped = (
        "def solve(n):\n    total = {rest}\n    for _ in range(n):\n        total += 2\n    return total\n"
    )
    made = answer(solved(3, 4), solved(3), solved(5), solved(3, code=looped), solved(3))
    (row,) = rows(made)
    assert (row["sample"], row["answer"], row["final_answer"]) == (1, solved(3), ASSERT.format(rest=3))
    assert (row["agreement"], row["cluster_sizes"], row["samples"]) == (3 / 5, [3], 5)
    found = [(one["outcome"], one["cluster"]) for one in rows(made, "candidates")]
    right = ("answered", 0)
    assert found == [("failed_tests", None), right, ("answered", None), right, right]
    assert fallen(made) == [("cn", "failed_tests")]
    assert rows(made, "candidates")[2]["final_answer"] == SOLVE.format(rest=5)


def test_the_label_is_all_tests_that_are_believed(answer: Callable[..., Output]) -> None:
    more = "assert solve(10) == 23\n"
    made = answer(
        *(blocks(SOLVE.format(rest=3), tests) for tests in (ASSERT.format(rest=3), more)), solved(3)
    )
    assert rows(made)[0]["final_answer"] == f"{ASSERT.format(rest=3)}\n{more}"


def test_tests_that_trip_each_other_are_no_label(answer: Callable[..., Output]) -> None:
    """Each passes by itself; after the first the second meets another function."""
    takes = "assert solve(1) == 5\nsolve = None\n"
    made = answer(blocks(SOLVE.format(rest=3), takes), solved(3), solved(3))
    assert rows(made) == []
    (row,) = made.rejected
    assert row.reason == "no_agreement"
    assert row.detail.endswith("3 agree, and none passes all believed tests together")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([solved(1), solved(2), solved(3), solved(4)], "no_agreement"),
        ([solved(1), solved(1), solved(3), solved(3)], "no_agreement"),
        ([solved(1), solved(1), solved(1, 2), "No.", "No."], "no_agreement"),
        ([solved(1, 2)] * 4, "failed_tests"),
        (["No."] * 4, "unparseable"),
        (["No.", "No.", solved(1, 2), ""], "failed_tests"),
    ],
)
def test_too_few_that_agree_are_no_answer(
    answer: Callable[..., Output], said: list[str], reason: str
) -> None:
    made = answer(*said)
    assert rows(made) == []
    assert ("q_", reason) in fallen(made)
    assert len(rows(made, "candidates")) == len(said)


HOSTILE = {
    "ends": "import sys\nsys.exit(0)\n",
    "loops": "while True:\n    pass\n",
    "eats": "held = []\nwhile True:\n    held.append(bytearray(1 << 24))\n",
    "equals": "class All:\n    def __eq__(self, other):\n        return True\n\ndef solve(n):\n    return All()\n",
    "forks": "import os\nwhile True:\n    os.fork()\n",
    "reads": "def solve(n):\n    return open('/etc/passwd').read()\n",
}


def test_hostile_code_costs_itself_only(answer: Callable[..., Output]) -> None:
    tests = ASSERT.format(rest=3)
    made = answer(*(blocks(code, tests) for code in HOSTILE.values()), *[solved(3)] * 7)
    (row,) = rows(made)
    assert (row["answer"], row["agreement"]) == (solved(3), 7 / 13)
    outcomes = [one["outcome"] for one in rows(made, "candidates")]
    assert outcomes == ["failed_tests"] * len(HOSTILE) + ["answered"] * 7
    details = [row.detail.partition(":")[0] for row in made.rejected]
    assert Counter(details)["timed_out"] >= 1


def test_hostile_tests_cost_themselves_only(answer: Callable[..., Output]) -> None:
    code = SOLVE.format(rest=3)
    forged = 'import os\nassert solve(1)\nos.write(1, b\'{"outcome": "passed"}\')\nos._exit(0)\n'
    loops = "assert solve(1)\nwhile True:\n    pass\n"
    made = answer(blocks(code, forged), blocks(code, loops), *[solved(3)] * 3)
    (row,) = rows(made)
    assert (row["agreement"], row["final_answer"]) == (3 / 5, ASSERT.format(rest=3))


def test_attempts_of_a_student_are_run_against_the_label(tmp_path: Path) -> None:
    config = settings()
    asked = {"question_id": "q_0", "question": "What is twice n and three?", "language": "en"}
    answers = {"question_id": ["q_0"], "final_answer": [ASSERT.format(rest=3)], "agreement": [0.75]}
    right, wrong = blocks(SOLVE.format(rest=3)), blocks(SOLVE.format(rest=4))
    said = [right, wrong, "I do not know.", blocks(HOSTILE["ends"]), blocks(HOSTILE["equals"]), right, right]
    said.append(FakeReply(right[:20], "length"))  # type: ignore[arg-type]
    with services(tmp_path, config, *said) as given:
        made = try_questions(pa.table(answers), pa.Table.from_pylist([asked]), config, given)
    found = rows(made, "rollouts")
    assert [row["correct"] for row in found] == [True, False, False, False, False, True, True, None]
    assert [row["answer"] for row in found][:3] == [SOLVE.format(rest=3), SOLVE.format(rest=4), None]
    (row,) = made.tables["difficulty"].to_pylist()
    assert (row["pass_rate"], row["verifier"], row["prompt_id"]) == (3 / 7, runner(), "attempt_code.v1")


def test_two_blocks_of_python_and_nothing_else() -> None:
    code, tests = SOLVE.format(rest=3), ASSERT.format(rest=3)
    assert (
        solution_and_tests(f"<think>{blocks(code)}</think>{blocks(code, tests)}\n```text\n8\n```")[0] == code
    )
    for said in (blocks(code, tests, tests), blocks(tests), f"```\n{code}```\n```\n{tests}```", ""):
        with pytest.raises(Unparseable, match="are not two"):
            solution_and_tests(said)


def test_what_may_not_be_run_is_refused_before_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(config: RunConfig) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            check(config, tmp_path)
        return [fault for fault in caught.value.faults if "documents" not in fault]

    off = settings(code={"enabled": False})
    (told,) = said(off)
    assert "set code.enabled to true" in told
    with services(tmp_path, off) as given, pytest.raises(ConfigError, match="which nobody has allowed"):
        answer_questions(*tables([question(0)]), off, given)
    (drafts,) = said(settings("aggregate"))
    assert "answers.mode: answers of the kind `code` are chosen by tests" in drafts
    monkeypatch.setattr(boxes, "_fault", lambda isolation: "No box can be made here.")
    assert said(settings()) == ["No box can be made here."]
    with pytest.raises(ConfigError, match="No box can be made here"):
        ready_sandbox(settings().code)
