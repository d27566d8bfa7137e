# Style that a machine can check.
