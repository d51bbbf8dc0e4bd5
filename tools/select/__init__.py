"""Choosing what to show: pure functions over scores, times and features."""
