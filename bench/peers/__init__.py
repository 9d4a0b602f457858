"""What users run instead, to be timed beside ours: a tuned SciPy loop, Epoch's bootstrap, and `simple-scaling-laws`."""
