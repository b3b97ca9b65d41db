"""How Prometheus is told."""
