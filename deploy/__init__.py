"""What runs a fleet: Kubernetes, Helm, service discovery, units."""
