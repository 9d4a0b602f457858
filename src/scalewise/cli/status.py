"""Exit statuses, which tell a script what happened; 0 is an answer."""

CANNOT_TELL = 3
WRONG_USE = 2
INTERRUPTED = 130
