"""Read rows of published data sets and of our own format, a module for each kind of format."""
