"""How a rule is checked: sockets, names, TLS, protocols, verdicts."""
