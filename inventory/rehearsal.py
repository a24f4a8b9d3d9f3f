"""The rehearsal: real services on this machine, brought up by the `@rehearsal` connector."""

repository = ["@rehearsal/repository"]
staging = ["@rehearsal/staging"]
production = ["@rehearsal/production"]
system = ["@rehearsal/staging", "@rehearsal/production"]
