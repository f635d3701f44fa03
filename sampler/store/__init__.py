"""Keep a study in an SQLite file: its tables, one writer, readers, and the rows between them."""
