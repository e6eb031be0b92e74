"""The tagged form of replies, for endpoints without structured output.

Extraction: `<level>`, `<subject>`, `<topics>` and `<key_concepts>`, the last two as numbered or
bulleted lists. Questions: one `<item>` each. Missing blocks are tolerated (SynthLLM, concepts).
"""

import re
from typing import Any

_NUMBER = re.compile(r"^\s*(\d+)(?:\.(\d+))?[.):]*\s+(.+)$")
_BULLET = re.compile(r"^(\s*)[-*•]\s+(.+)$")
_MARK = re.compile(r"^(?:[-*•]|\d+[.)])\s+")
_GRADE = re.compile(r"[0-9]{1,2}")
_ITEM = re.compile(r"<item>(.*?)</item>", re.DOTALL | re.IGNORECASE)


def read(text: str, model: Any) -> dict[str, Any]:
    """A tagged reply as the dictionary that its JSON form would be."""
    if "topics" in model.model_fields:
        return _extraction(text, model)
    if "overall" in model.model_fields:
        return _grades(text, model)
    if {"verdict", "outcome"} & model.model_fields.keys():
        return _judged(text, model)
    if {"category", "reasons"} & model.model_fields.keys() or [*model.model_fields] == ["concepts"]:
        return _sorted_out(text, model)
    if "questions" not in model.model_fields:
        blocks = {tag: _block(text, tag) for tag in model.model_fields}
        return {tag: block for tag, block in blocks.items() if block is not None}
    items: list[dict[str, Any]] = [_item(block) for block in _ITEM.findall(text)]
    unsuitable = "suitable" in model.model_fields and re.search(r"<unsuitable\s*/?>", text) is not None
    if not items and not unsuitable:
        return {}
    return {"questions": items, **({"suitable": False} if unsuitable else {})}


def _block(text: str, tag: str) -> str | None:
    found = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL | re.IGNORECASE)
    return found[1].strip() if found else None


def _grades(text: str, model: Any) -> dict[str, Any]:
    """Whole numbers, each in the one block of its name: where two stand there, neither is the rating."""
    found = {tag: re.findall(rf"<{tag}>([^<>]*)</{tag}>", text) for tag in model.model_fields}
    whole = {tag: blocks[0].strip() for tag, blocks in found.items() if len(blocks) == 1}
    return {tag: int(grade) if _GRADE.fullmatch(grade) else grade for tag, grade in whole.items()}


def _judged(text: str, model: Any) -> dict[str, Any]:
    """Words, each in the one block of its name: where two stand there, neither is what was meant."""
    found = {tag: _every_block(text, tag) for tag in model.model_fields}
    whole: dict[str, Any] = {tag: blocks[0] for tag, blocks in found.items() if len(blocks) == 1}
    if "givens" in whole:
        lines = (re.sub(r"^[-*•]\s+", "", line.strip()) for line in whole["givens"].splitlines())
        whole["givens"] = [line for line in lines if line]
    return whole


def _sorted_out(text: str, model: Any) -> dict[str, Any]:
    """What is said of a problem, each in the one block of its name; concepts are lines."""
    found = {tag: _every_block(text, tag) for tag in model.model_fields}
    whole: dict[str, Any] = {tag: blocks[0] for tag, blocks in found.items() if len(blocks) == 1}
    if "concepts" in whole:
        lines = (_MARK.sub("", line.strip()) for line in whole["concepts"].splitlines())
        whole["concepts"] = [line for line in lines if line]
    return whole


def _every_block(text: str, tag: str) -> list[str]:
    return [block.strip() for block in re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL | re.IGNORECASE)]


def _item(block: str) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for tag in ("outline", "question", "kind", "level"):
        if (value := _block(block, tag)) is not None:
            item[tag] = value
    if (concepts := _block(block, "concepts")) is not None:
        item["concepts"] = [name.strip() for name in re.split(r"[;\n]", concepts) if name.strip(" -*")]
    return item


def _extraction(text: str, model: Any) -> dict[str, Any]:
    topics = _topics(_block(text, "topics"), _block(text, "key_concepts"))
    value: dict[str, Any] = {"topics": topics} if topics is not None else {}
    for tag in ("level", "subject"):
        if tag in model.model_fields:
            value[tag] = _block(text, tag)
    return value


def _topics(topics: str | None, concepts: str | None) -> list[dict[str, Any]] | None:
    """Topics in order, each with its key concepts; both blocks may number or indent."""
    if topics is None and concepts is None:
        return None
    listed: list[dict[str, Any]] = []
    by_number: dict[str, dict[str, Any]] = {}
    for line in f"{topics or ''}\n{concepts or ''}".splitlines():
        _take_line(line, listed, by_number)
    return listed


def _take_line(line: str, listed: list[dict[str, Any]], by_number: dict[str, dict[str, Any]]) -> None:
    if number := _NUMBER.match(line):
        major, minor, name = number.groups()
        if minor is None:
            if major not in by_number:  # the second block may repeat the topic as a heading
                by_number[major] = {"name": name.strip(), "key_concepts": []}
                listed.append(by_number[major])
        elif major in by_number:
            by_number[major]["key_concepts"].append(name.strip())
    elif bullet := _BULLET.match(line):
        indent, name = bullet.groups()
        if indent and listed:
            listed[-1]["key_concepts"].append(name.strip())
        else:
            listed.append({"name": name.strip(), "key_concepts": []})
