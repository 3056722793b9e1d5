"""Everything that reaches into Faust's insides, each piece with its reason. Faust is pinned to 0.15.3 for it."""
