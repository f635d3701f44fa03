"""Find the rows of a data set.

`catalogue` gives sets short names, `hub` fetches them, `files` opens files and folders, `filters` chooses rows.
"""
