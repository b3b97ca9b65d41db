"""The values that every room speaks: rules, targets, outcomes, endpoints."""
