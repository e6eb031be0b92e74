"""Values for a JSON schema: the schema says the shape, the names of the properties say what is meant."""

from collections.abc import Mapping
from typing import Any

from synth.llm import fake_text

_QUESTIONS = ("question", "problem", "query")
_ANSWERS = ("answer", "solution", "response", "explanation")
_LEVELS = ("level", "difficulty")
_CONCEPTS = ("concept", "key_concept", "selected")


def fill(schema: Mapping[str, Any], writer: "fake_text.Writer") -> Any:
    """A value that the schema admits, as pydantic v2 writes schemas."""
    return Filler(schema, writer).value(schema, ())


class Filler:
    """Walks one schema with one writer."""

    def __init__(self, root: Mapping[str, Any], writer: "fake_text.Writer") -> None:
        self._root = root
        self._writer = writer
        self._draw = writer.draw
        self._topic = 0

    def value(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> Any:
        """A value for a schema at a path of property names."""
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            grade = fake_text.rate(self._writer.prompt.passage) if path[-1:] == ("overall",) else None
            return grade if grade in schema["enum"] else self._draw.choice(schema["enum"])
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        makers = {"object": self._object, "array": self._array, "string": self._string}
        if kind in makers:
            return makers[kind](schema, path)
        return {"integer": self._integer, "number": self._integer}.get(kind, _fixed(kind))(schema)

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow `$ref`, and take the first branch of a choice that is not null."""
        while True:
            if "$ref" in schema:
                found: Any = self._root
                for part in schema["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
                schema = found
            elif branches := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
                schema = next((b for b in branches if b.get("type") != "null"), branches[0])
            else:
                return schema

    def _object(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        properties = schema.get("properties", {})
        if properties and (judged := self._writer.judged(properties)):
            return {name: judged[name] for name in properties if name in judged}
        if any(_is(name, _QUESTIONS) for name in properties):
            self._writer.choose()
        return {name: self.value(inner, (*path, name)) for name, inner in properties.items()}

    def _array(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> list[Any]:
        items = schema.get("items", {"type": "string"})
        least = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", max(least, 3)))
        if (item := self._resolve(items)).get("type") == "string":
            named = [_fitting(name, item) for name in self._names(path, least, most)]
            return named or [self.value(items, path) for _ in range(max(1, least))]
        count = self._draw.randint(min(max(least, 1), most), min(most, max(least, 3)))
        if path and path[-1] == "topics":
            self._topic = 0
            count = max(least, min(most, len(self._writer.topics)))
        return [self.value(items, path) for _ in range(count)]

    def _names(self, path: tuple[str, ...], least: int, most: int) -> list[str]:
        """Concepts for a list of strings: those of a question, or those found in the passage."""
        name = path[-1] if path else ""
        if name == "topics":
            return self._writer.topics[: max(1, most)]
        if not _is(name, _CONCEPTS):
            return []
        if self._writer.prompt.seed:
            return self._writer.key_concepts[: fake_text.SEED_CONCEPTS]
        if self._writer.prompt.concepts or any(_is(p, _QUESTIONS) for p in path[:-1]):
            return self._writer.chosen[: max(1, most)]
        # The topic before decides which share of the concepts is listed under it.
        found, count = self._writer.key_concepts, max(1, len(self._writer.topics))
        own = found[(self._topic - 1) % count :: count]
        rest = [c for c in found if c not in own]
        return (own + rest)[: max(least, min(most, len(own)))]

    def _string(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> str:
        return _fitting(self._text(path), schema)

    def _text(self, path: tuple[str, ...]) -> str:
        writer, name = self._writer, path[-1] if path else ""
        if _is(name, _QUESTIONS):
            return writer.question()
        if name == "final_answer":
            return str(self._draw.randint(2, 99))
        if _is(name, _ANSWERS):
            return writer.answer()
        if _is(name, _LEVELS):
            return self._draw.choice(fake_text.LEVELS)
        if name == "category" and writer.prompt.seed:
            return writer.category()
        if name == "outline":
            return writer.outline()
        if name == "subject":
            return self._draw.choice(fake_text.SUBJECTS)
        if name == "kind":
            return self._draw.choice(("new", "original"))
        if _is(name, _CONCEPTS):
            return self._draw.choice(writer.chosen)
        if name in ("name", "topic", "topics"):
            self._topic += 1
            return writer.topics[(self._topic - 1) % len(writer.topics)]
        return f"The text is about {self._draw.choice(writer.topics)}."

    def _integer(self, schema: Mapping[str, Any]) -> int:
        least = int(schema.get("minimum", 0))
        return self._draw.randint(least, int(schema.get("maximum", least + 9)))


def _fitting(text: str, schema: Mapping[str, Any]) -> str:
    """The text, cut or filled to the lengths that the schema admits."""
    most = schema.get("maxLength")
    if most is not None and len(text) > most:
        text = text[:most].rsplit(" ", 1)[0].rstrip() or text[:most]
    return text.ljust(int(schema.get("minLength", 0)), ".")


def _is(name: str, words: tuple[str, ...]) -> bool:
    """Whether a property is one of these things, in the singular or the plural."""
    return any(name == word or name.rstrip("s") == word or name.endswith(f"_{word}s") for word in words)


def _fixed(kind: str) -> Any:
    """True, so that a passage is suitable; null for what has no other value."""
    return lambda _: True if kind == "boolean" else None
