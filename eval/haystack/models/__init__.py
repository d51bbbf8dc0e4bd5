"""Small models that see haystacks: how they are trained and examined. docs/haystack-models.md."""
