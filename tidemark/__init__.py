"""The command: starts every part, apart or together."""
