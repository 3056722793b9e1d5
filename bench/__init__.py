"""Every figure in the README, as a command: `make bench`, or `make bench BENCH=answer`."""
