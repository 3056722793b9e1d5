"""The log: commands in, decisions out, balances checkpointed behind them.

The edges know this package by `gateway` (submit a command, await its answer) and `records` (what is on the topics).
"""
