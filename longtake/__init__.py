"""Answers questions about long videos, with moments you can check."""

__version__ = "0.1.0"
