"""What calls cost, and how much a run may spend.

Prices and ceilings change no row, so all of this stays out of fingerprints (`EXCLUDED_MONEY`).
"""

from typing import Any

from pydantic import Field

from synth.config_base import Config, Count


def _Money(title: str, description: str, default: Any = ...) -> Any:
    return Field(
        default, ge=0, le=1e9, allow_inf_nan=False, strict=True, title=title, description=description
    )


class PriceConfig(Config):
    """What a model costs, for a million tokens, in the run's currency."""

    input: float = _Money("Input", "Of a million tokens of prompts.")
    output: float = _Money("Output", "Of a million tokens of replies; 0 for embeddings.")
    cached_input: float | None = _Money(
        "Cached input", "Of prompt tokens that the endpoint had in its cache; left out: as others.", None
    )
    batch: float | None = _Money("Batch", "Factor for calls made in batches; left out: the same price.", None)


class BudgetConfig(Config):
    """Where a run stops, cleanly and to be resumed; 0 is no ceiling."""

    money: float = _Money(
        "Money", "In the run's currency, over all tries; every model in use needs a price.", 0.0
    )
    tokens: Count = Field(0, title="Tokens", description="Of prompts and replies together, over all tries.")
    calls: Count = Field(0, title="Calls", description="That are made and answered, over all tries.")
    seconds: float = _Money("Seconds", "Of one try; the same command goes on after it.", 0.0)

    @property
    def looks_back(self) -> bool:
        """Whether a ceiling holds for all tries together, so that what earlier ones spent must be known."""
        return bool(self.money or self.tokens or self.calls)

    @property
    def is_set(self) -> bool:
        """Whether there is any ceiling."""
        return self.looks_back or bool(self.seconds)


EXCLUDED_MONEY: dict[str, str] = {
    "models.*.price": "what an answer costs does not change it",
    "models.*.price.*": "what an answer costs does not change it",
    "prices": "what an answer costs does not change it",
    "currency": "a label",
    "budget": "where a run stops, and not what it makes",
    "budget.*": "where a run stops, and not what it makes",
}
