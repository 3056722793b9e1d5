"""The right edge: lookups and edits, a file per noun. Problems are translated to HTTP in `problems`, once."""
