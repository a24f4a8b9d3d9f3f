"""Demo steps on plain files, and the runs of pyinfra that carry them out."""
