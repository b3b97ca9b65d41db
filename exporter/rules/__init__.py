"""What must hold: rules, catalogues, the site file."""
