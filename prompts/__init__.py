"""The text sent to models, one Markdown template each."""
