"""How it is told: metrics, JSON, pages."""
