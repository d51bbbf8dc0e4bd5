"""What became of looks, as observations name it."""

UNSENT = frozenset({"failed", "no budget"})
"""Outcomes of views that no reply came for: nothing was seen of them. With every other outcome the
model was shown the view, also when its reply is of no use."""
