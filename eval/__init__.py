"""Benchmarks, harness, metrics and reports."""
