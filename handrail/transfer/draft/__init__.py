"""A first mapping, drafted from two live databases: what pairs with what, and what rows hold."""
