"""Speed and memory of longtake, as ratios measured in one run. Not tests."""
