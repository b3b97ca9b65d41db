"""The HTTP server: who may ask, and what for."""
