"""Documents: YAML and XML text to typed values with positions, and every diagnostic for bad input.

Each kind of document has one module with `read(text, file, ...) -> (value or None, Diagnostics)`; the value
is None exactly when there is an error. No function here opens a file that a user named: what a document
refers to is asked for through a `Source`.
"""
