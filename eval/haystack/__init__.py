"""Haystacks: long videos made from a seed, with questions whose answers are known to the frame.

Specification: benchmarks.md part 4. Nothing is pasted into the footage: every scene has acts of a
few kinds, every act could be a needle, and the acts that no question is about are its decoys.

From `config` and `suites` a seed makes a `world` (`cast`, `scenes`, `script`: who and what comes
when), which `draw` and `sound` turn into a `film`. What truly happened (`events`) is asked about
(`needles`, `sequences`, `hops`, put into words by `wording`) and written down (`items`), unless
`novelty` finds the needles without the questions. `generate` does it all, `truth` writes it down,
`workplace` goes on with what was interrupted.

A user's `footage` can be the haystack (`half`): scenes are cut into it (`pasted`), and there, and
only there, needles are pasted.

Where this departs from the specification: a day of one minute may hold fewer than eight decoys of a
kind (the axis `decoys` says how many); there is one font and one voice, so neither is held out; the
novelty ranker has to be better than chance beyond luck (probability under 1 %), because a world's
few needles cannot show 5 %.
"""
