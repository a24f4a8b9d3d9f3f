"""What all resources of the API have in common: shape, pages, errors, routes."""
