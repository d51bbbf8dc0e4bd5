"""A small VLM that learns to see haystack worlds: what it learns from, how, and its weights."""
