"""Everything that reaches into Faust's insides, each piece with its reason. Pinned to 0.15.3; see the tests beside it."""
