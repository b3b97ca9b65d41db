"""What the dashboards are made of: queries, words and colours, panels, the frame."""
