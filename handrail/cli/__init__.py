"""The `handrail` command: one module for each group of subcommands."""
