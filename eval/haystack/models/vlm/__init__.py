"""Small models that really see haystack worlds: what they learn from, how, and their weights."""
