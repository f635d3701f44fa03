"""Import samples of others, as they were published, into a store.

A file is a sequence of JSON values (`sample_files`). Its first value determines the format, and each format has a pure
function from a value to `Imported` samples (`sample_formats`, and `service_logs` for logs of services). `prepare` finds
the problem of a sample and makes the program to execute from its text. `importer` adds samples that the store does not
hold yet, so the same command finishes a killed import.

Files are hostile and often lack facts. A cost that a file lacks stays unknown. A verdict in a file is a claim: it is
kept beside our verdict and never replaces it.
"""
