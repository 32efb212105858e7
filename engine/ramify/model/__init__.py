"""Floor 1: the words of Ramify as frozen values; no I/O, no clock, no chance."""
