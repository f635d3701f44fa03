"""Export a study's samples to files for other programs.

The store is read model by model and problem by problem, with one short statement each (`ExportReader`). A format is a
pure function from those rows to the content of its file. `files` writes under another name and renames at the end, so
that an existing file is always complete. Facts that a format cannot hold are left out; `jsonl` and `parquet` hold all
facts of a sample, `sqlite` is the store itself.
"""
