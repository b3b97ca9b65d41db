"""What an auditor asks: how available, with which proof, and what went wrong when."""
