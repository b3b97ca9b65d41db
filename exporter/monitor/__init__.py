"""When rules are checked, and what was seen."""
