# The `lodger` command: a program of the host.
