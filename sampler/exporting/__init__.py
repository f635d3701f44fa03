"""A study's samples as files that others read.

The store is read model by model and problem by problem, one short statement each (`ExportReader`); a format is a pure
function from those rows to what its file holds; `files` writes under another name and renames at the end,
so that a file that is there is whole. What a format has no place for is left out; `jsonl` and `parquet` hold all that
is known of a sample, `sqlite` is the store itself.
"""
