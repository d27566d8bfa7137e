# Tests. `make test` runs every one and ends with `N passed, N failed`.
