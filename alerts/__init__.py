"""Alert and recording rules, and what writes them."""
