"""Torture: load on the whole pipeline while its parts are killed, frozen and wiped; then everything is recounted."""
