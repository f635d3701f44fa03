"""Keep a study in an SQLite file: its tables, one writer, readers, and the rows between them.

`schema` has the tables. `writer` is the only thread that writes, with the SQL of `statements` and `import_statements`;
`lock` keeps other processes away. `write_models` are the values that go in, `read_models` the rows that come out.
`reader` has what reports and screens read, `sample_readers` what single commands read, `filters` turns the words of a
search into SQL, `column_reader` and `frame_reader` read whole columns for data frames, and `playback` copies a finished
study at its original pace.

Facts are append-only, and sums stand beside them, written in the same transaction. In the worst case the process is
killed: then the samples and verdicts of the last 100 ms are lost together with their sums, and the next run makes them
again. On a full disk every later call fails, and what was committed stays readable.
"""
