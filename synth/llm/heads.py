"""Heads of prompts: what stands before the last turn, computed once and put back before each call.

llama.cpp computes a prompt in pieces, and a row computed in a large piece differs in its last bits from one
computed alone. With its own prompt cache the pieces depend on what was asked before, and at a temperature so
does now and then a word of the reply (seen: 4 of 20). Here the cached part of a prompt is always its head,
whole, from a saved state; so a reply depends on its request alone, and the head is still paid for once.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synth.ids import digest
from synth.llm.transport import HttpReply, NoAnswer

# A head of 300 tokens is 7 MB on disk; a run has one for each of its prompts.
MOST_SAVED = 32


class _Refused(Exception):
    """The server did not take a head; its answer says why."""

    def __init__(self, reply: HttpReply) -> None:
        self.reply = reply


class PromptHeads:
    """Saved heads of one embedded server with one slot; `folder` is the server's folder for slots."""

    def __init__(self, url: str, key: str, folder: Path, timeout_s: float) -> None:
        import httpx2  # slow to import, and not every run has an embedded model

        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx2.AsyncClient(base_url=url, headers=headers, timeout=timeout_s, trust_env=False)
        self._folder = folder
        self._saved: dict[str, None] = {}

    async def put_back(self, messages: Sequence[dict[str, Any]]) -> HttpReply | None:
        """Leave the slot with the head of these messages and nothing else; else the server's refusal.

        Raises:
            NoAnswer: the server is gone.
        """
        import httpx2

        try:
            await self._put_back(messages)
        except _Refused as refusal:
            return refusal.reply
        except httpx2.TransportError as broken:
            raise NoAnswer(str(broken) or "connection lost") from None
        return None

    async def _put_back(self, messages: Sequence[dict[str, Any]]) -> None:
        rendered = [await self._rendered(messages[:-1]), await self._rendered(messages)]
        head = os.path.commonprefix(rendered)  # noqa: RUF071 - of texts, character by character
        if not head:
            await self._slot("erase")
            return
        name = digest(head)
        if name not in self._saved:
            await self._compute(head, name)
        await self._slot("restore", filename=name)

    async def close(self) -> None:
        """Close the connection; the folder goes with its server."""
        await self._http.aclose()

    async def _compute(self, head: str, name: str) -> None:
        await self._slot("erase")
        await self._post("/completion", {"prompt": head, "n_predict": 0, "cache_prompt": True, "id_slot": 0})
        await self._slot("save", filename=name)
        self._saved[name] = None
        if len(self._saved) > MOST_SAVED:
            oldest = next(iter(self._saved))
            del self._saved[oldest]
            (self._folder / oldest).unlink(missing_ok=True)

    async def _rendered(self, messages: Sequence[dict[str, Any]]) -> str:
        if not messages:
            return ""
        return str((await self._post("/apply-template", {"messages": list(messages)}))["prompt"])

    async def _slot(self, action: str, **body: str) -> None:
        await self._post(f"/slots/0?action={action}", body)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self._http.post(path, json=body)
        if answer.status_code != 200:
            raise _Refused(HttpReply(answer.status_code, {}, answer.text))
        return answer.json()
