"""The mapping language: what each table and column of the destination is made of."""
