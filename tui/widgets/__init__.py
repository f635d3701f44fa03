"""Draw given values in widgets, which send messages up; other modules decide what is shown."""
