"""The left edge: reports in. Reads what a client sent, resolves its grant, and hands it to the log."""
