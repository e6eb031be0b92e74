"""What the fake model writes: concepts drawn from the passage, word problems, worked answers.

In: the messages of a request. Out: text that survives the same checks as a real model's. Only the last user
message is read for data: `<passage …>`, `<concepts>` with lines `- name`, `<question>`; for a
student `<problem>`; of a failed problem `<seed>`, and `<categories>` with lines `- name`.
"""

import json
import math
import random
import re
import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from synth.llm import fake_code, fake_frames, fake_judge, fake_student, fake_votes

_PASSAGE = re.compile(r"<passage\b[^>]*>(.*?)</passage>", re.DOTALL)
_CONCEPTS = re.compile(r"<concepts\b[^>]*>(.*?)</concepts>", re.DOTALL)
_QUESTION = re.compile(r"<question\b[^>]*>(.*?)</question>", re.DOTALL)
_DRAFT = re.compile(r"<draft\b[^>]*>(.*?)</draft>", re.DOTALL)
_PROBLEM = re.compile(r"<problem\b[^>]*>(.*?)</problem>", re.DOTALL)
_SUBJECT = re.compile(r"<subject\b[^>]*>(.*?)</subject>", re.DOTALL)
_SEED = re.compile(r"<seed\b[^>]*>(.*?)</seed>", re.DOTALL)
_CATEGORIES = re.compile(r"<categories\b[^>]*>(.*?)</categories>", re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
_ITEM = re.compile(r"<item\b[^>]*>(.*?)</item>", re.DOTALL)
_BULLET = re.compile(r"^\s*[-*]\s+(.+?)\s*$", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{4,}")
_ANY_WORD = re.compile(r"\w+|[^\w\s]")

LEVELS = ("elementary school", "middle school", "high school", "college")
GRADES = ("relevance", "clarity", "language_quality", "overall")
EMBEDDED = 256
SEED_CONCEPTS = 5
SUBJECTS = ("mathematics", "science", "statistics", "physics")
_COMMON_TEXT = """
    about above after again also although always another any because been before being below between both
    called cannot could does down each either else even every example first from gives given have having
    here however into itself just large less like made make makes many more most much must need never next
    number often once only other over same second several should show since some such take than that their
    them then there these they thing this those three through thus under until upon used uses using very
    well were what when where whether which while will with within without would your
"""
_COMMON = frozenset(_COMMON_TEXT.split())


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the last user message holds, and which tags the prompt names: in all, and inside an item."""

    passage: str
    concepts: tuple[str, ...]
    question: str
    subject: str
    tags: frozenset[str]
    item_tags: frozenset[str]
    drafts: tuple[str, ...] = ()
    problem: str = ""
    code: bool = False
    seed: str = ""
    categories: tuple[str, ...] = ()


def read_prompt(messages: list[Mapping[str, str]]) -> Prompt:
    """Data of the last user message; tags of every message, the data left out."""
    users = [m["content"] for m in messages if m.get("role") == "user"]
    last = users[-1] if users else ""
    bare = "\n".join(_SEED.sub(" ", _PASSAGE.sub(" ", m["content"])) for m in messages)
    # Where topics and key concepts are listed apart, questions are about those of the last list.
    listed = [_BULLET.findall(block) for block in _CONCEPTS.findall(last)]
    # Instructions may show the tag empty or with dots: a question has words.
    asked = [q.strip() for q in _QUESTION.findall(last) if len(q.split()) > 2]
    return Prompt(
        passage="\n".join(_PASSAGE.findall(last)),
        concepts=tuple(dict.fromkeys(listed[-1] if listed else ())),
        question=asked[-1] if asked else "",
        subject="".join(_SUBJECT.findall(last)[:1]).strip(),
        tags=_tags(bare),
        item_tags=_tags((_ITEM.findall(bare) or [bare])[-1]),
        drafts=tuple(draft.strip() for draft in _DRAFT.findall(last)),
        problem="".join(_PROBLEM.findall(last)[-1:]).strip(),
        code=any(fake_code.FENCE in m["content"] for m in messages if m.get("role") == "system"),
        seed="".join(_SEED.findall(last)[-1:]).strip(),
        categories=tuple(_BULLET.findall("".join(_CATEGORIES.findall(last)[-1:]))),
    )


def _tags(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"<([a-z_]+)\b[^<>]*>", text))


def rate(passage: str) -> int:
    """From 1 to 10, by the text alone: prose is good, lists and tables of numbers are not."""
    signs = [sign for sign in passage if not sign.isspace()]
    letters = sum(map(str.isalpha, signs)) / max(1, len(signs))
    words = len(passage.split())
    sentences = min(1.0, 15 * len(_SENTENCE_END.findall(passage)) / max(1, words))
    return 1 + round(9 * letters * sentences)


def embed(text: str) -> list[float]:
    """Counts of words, each added to or taken from the place that its hash says; of length one."""
    counts = [0.0] * EMBEDDED
    for word, count in Counter(_ANY_WORD.findall(text.lower())).items():
        place = zlib.crc32(word.encode("utf-8", errors="replace"))
        counts[place % EMBEDDED] += count if place & 1024 else -count
    length = math.sqrt(sum(value * value for value in counts))
    return [round(value / length, 6) if length else 0.0 for value in counts]


def names_of(text: str) -> tuple[list[str], list[str]]:
    """Topics and key concepts of a passage, frequent words first: so passages of one subject share some."""
    words = [w.lower() for w in _WORD.findall(text)]
    content = [w for w in words if w not in _COMMON]
    ranked = [w for w, _ in sorted(Counter(content).items(), key=lambda x: (-x[1], x[0]))]
    pairs = Counter(
        f"{a} {b}" for a, b in pairwise(words) if a not in _COMMON and b not in _COMMON and a != b
    )
    phrases = [p for p, _ in sorted(pairs.items(), key=lambda x: (-x[1], x[0]))]
    topics = ranked[:3] or ["quantity"]
    singles, compound = ranked[3:9], phrases[:6]
    mixed = [name for both in zip(singles, compound, strict=False) for name in both]
    return topics, list(dict.fromkeys([*mixed, *singles, *compound])) or ["amount", "change", "ratio"]


class Writer:
    """Writes for one prompt, from one random stream."""

    def __init__(
        self,
        prompt: Prompt,
        draw: random.Random,
        model: str = "fake",
        abilities: Sequence[fake_student.Ability] = (),
    ) -> None:
        self.prompt = prompt
        self.draw = draw
        self.model = model
        self.abilities = abilities
        self.topics, self.key_concepts = names_of(prompt.passage or prompt.seed)
        self.chosen = self.choose()

    def choose(self) -> list[str]:
        """Two or three concepts of those on offer, for the next question."""
        offered = list(self.prompt.concepts) or self.key_concepts
        count = min(len(offered), self.draw.randint(2, 3))
        self.chosen = self.draw.sample(offered, count)
        return self.chosen

    def question(self) -> str:
        """A word problem that can be read by itself, with the chosen concepts woven in."""
        return fake_frames.word_problem(self.draw, self.chosen)

    def category(self) -> str:
        """One of the categories on offer, by the words of the problem alone."""
        place = zlib.crc32(self.prompt.seed.encode("utf-8", errors="replace"))
        offered = self.prompt.categories or ("other",)
        return offered[place % len(offered)]

    def outline(self) -> str:
        """How the chosen concepts are to be combined."""
        return f"Combine {' and '.join(self.chosen)}: the first gives what the last needs."

    def sorted_out(self) -> str:
        """What is said of a failed problem, between tags: its category, or its concepts."""
        about = f"The problem is about {self.topics[0]}."
        if "category" in self.prompt.tags:
            return f"<summary>{about}</summary>\n<category>{self.category()}</category>"
        listed = "\n".join(f"- {name}" for name in self.key_concepts[:SEED_CONCEPTS])
        return f"<reasons>{about}</reasons>\n<concepts>\n{listed}\n</concepts>"

    def answer(self) -> str:
        """A short worked answer with a number in a box; or an objection, where the prompt knows of such."""
        if self.prompt.code:
            return self._code()
        if "outcome" in self.prompt.tags and (said := fake_votes.objection(self.draw, self.prompt.question)):
            return said
        if self.prompt.drafts:
            return fake_votes.aggregate(self.prompt.drafts)
        """A short worked answer with a number in a box; that of a student may be wrong."""
        if self.prompt.problem:
            return fake_student.attempt(self.draw, self.prompt.problem, self.model, self.abilities)
        return fake_frames.worked_answer(self.draw, self.prompt.question)

    def _code(self) -> str:
        if self.prompt.problem:
            return fake_code.attempt(self.draw, self.prompt.problem, self.model)
        return fake_code.solution(self.draw, self.prompt.question)

    def document(self) -> str:
        """A page on the subject: sentences about it, and exercises."""
        subject = self.prompt.subject
        problems = [fake_frames.word_problem(self.draw, [subject, *self.chosen[:1]]) for _ in range(4)]
        return "\n\n".join([f"# {subject}", f"This page is about {subject}, step by step.", *problems])

    def judged(self, wanted: Collection[str] = ()) -> dict[str, Any]:
        """What a judge or checker says, where `wanted` or else the prompt names its fields."""
        names = wanted or self.prompt.tags
        if "verdict" in names:
            return fake_judge.judgement(self.prompt.question, self.model)
        # Where nothing is to be restated, the outcome is one that a solver may give in place of an answer.
        restated = {"givens", "outcome"} <= {*names}
        return fake_judge.check(self.prompt.question, self.model) if restated else {}

    def tagged(self) -> str:
        """The layout whose tags the prompt names, or nothing where it names none."""
        if "overall" in self.prompt.tags:
            grade = rate(self.prompt.passage)
            grades = (*(self.draw.randint(1, 10) for _ in GRADES[:-1]), grade)
            return "\n".join(f"<{name}>{of}</{name}>" for name, of in zip(GRADES, grades, strict=True))
        if judged := self.judged():
            return fake_judge.as_tags(judged)
        if self.prompt.seed and {"category", "reasons"} & self.prompt.tags:
            return self.sorted_out()
        if "item" in self.prompt.tags:
            return "\n".join(self._item() for _ in range(self.draw.randint(1, 3)))
        if "topics" in self.prompt.tags and not self.prompt.question:
            return self._extraction()
        return ""

    def _item(self) -> str:
        self.choose()
        fields = {
            "concepts": "; ".join(self.chosen),
            "outline": self.outline() if "outline" in self.prompt.item_tags else "",
            "question": self.question(),
            "kind": self.draw.choice(("new", "new", "original")),
            "level": self.draw.choice(LEVELS),
        }
        inside = "\n".join(f"<{k}>{v}</{k}>" for k, v in fields.items() if k in self.prompt.item_tags)
        return f"<item>\n{inside}\n</item>"

    def _extraction(self) -> str:
        numbered = [f"{i}. {name}" for i, name in enumerate(self.topics, 1)]
        count = len(self.topics)
        below = []
        for i in range(count):
            own = self.key_concepts[i::count]
            below += [f"{i + 1}.{j}. {name}" for j, name in enumerate(own, 1)]
        return (
            f"<level>{self.draw.choice(LEVELS)}</level>\n<subject>{self.draw.choice(SUBJECTS)}</subject>\n"
            + "<topics>\n" + "\n".join(numbered) + "\n</topics>\n"
            + "<key_concepts>\n" + "\n".join(below) + "\n</key_concepts>"
        )  # fmt: skip


def schema_in(messages: list[Mapping[str, str]]) -> dict[str, Any] | None:
    """A JSON schema that stands in the prompt, where there is one."""
    decoder = json.JSONDecoder()
    for message in messages:
        text = message["content"]
        for start in (m.start() for m in re.finditer(r'\{\s*"', text)):
            try:
                found, _ = decoder.raw_decode(text, start)
            except ValueError:
                continue
            if isinstance(found, dict) and isinstance(found.get("properties"), dict):
                return found
    return None


def guess_schema(prompt: Prompt) -> dict[str, Any]:
    """The layout that a prompt without a schema most likely means."""
    text = {"type": "string"}
    texts = {"type": "array", "items": text, "minItems": 2, "maxItems": 5}
    if prompt.concepts or "question" in prompt.tags:
        item = {"type": "object", "properties": {"concepts": texts, "question": text, "level": text}}
        return {
            "type": "object",
            "properties": {"questions": {"type": "array", "items": item, "maxItems": 3}},
        }
    topic = {"type": "object", "properties": {"name": text, "key_concepts": texts}}
    listed = {"type": "array", "items": topic, "minItems": 2, "maxItems": 3}
    return {"type": "object", "properties": {"level": text, "subject": text, "topics": listed}}
