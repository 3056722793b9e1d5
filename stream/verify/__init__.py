"""Verification: the log replayed through the worker's own fold, and what was made of it held against that.

`log` goes through the partitions and `replay` folds each; `decisions`, `balances` and `rows` each hold one product of
the log against that; `what_if` replays under other limits. Memory stays bounded: what grows with the log or with the
meters lies in a store on disk (`scratch`).
"""
