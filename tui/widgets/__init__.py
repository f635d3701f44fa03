"""Widgets: they draw the values they are given and send messages up. What to show is decided elsewhere."""
