"""Floor 6: the command line. Each command loads what it needs when it is run; only this floor prints."""
