"""Why: from what is known of all targets to the smallest set of causes."""
