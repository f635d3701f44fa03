"""The SQLite file of a study: its tables, the one that writes, those that read, and the rows between them."""
