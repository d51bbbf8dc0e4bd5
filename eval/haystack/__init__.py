"""Haystacks: long videos made from a seed, with questions whose answers are known to the frame.

Specification: benchmarks.md part 4. Nothing is pasted into the footage: every scene has acts of a
few kinds, every act could be a needle, and the acts that no question is about are its decoys.
"""
