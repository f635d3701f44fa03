"""The commands of `sandbox`, by what they work on.

Each is imported when it is run (`places`). `common`, `ending`, `reading` and `files` hold what they share.
"""
