"""Other people's test functions, unchanged, through adglot and against their own derivatives."""
