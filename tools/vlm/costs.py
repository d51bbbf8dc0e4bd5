"""What tokens cost in money."""

from longtake.config import VlmSettings
from longtake.tools.vlm.messages import Usage


def usd(usage: Usage | None, settings: VlmSettings) -> float | None:
    """US dollars of one call at the user's prices; None where tokens or a price are unknown.

    Tokens from the provider's prompt cache cost as much as others unless they have their own price.
    """
    price_in, price_out = settings.usd_per_million_in, settings.usd_per_million_out
    if usage is None or price_in is None or price_out is None:
        return None
    price_cached = settings.usd_per_million_cached
    cached = min(usage.cached, usage.input)
    fresh = usage.input - cached
    total = fresh * price_in + usage.output * price_out
    total += cached * (price_in if price_cached is None else price_cached)
    return total / 1e6
