"""Numbers with a meaning, as tf.data has them."""

AUTOTUNE = -1
"""Let the library choose: a number of threads, the length of a queue."""

INFINITE_CARDINALITY = -1
"""The cardinality of a dataset without end."""

UNKNOWN_CARDINALITY = -2
"""The cardinality of a dataset that must be walked through to be counted."""
