# Megabytes are on their way to a program that has already failed.
raise SystemExit(3)
