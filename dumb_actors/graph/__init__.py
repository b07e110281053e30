"""The dependency graph: what is inferred from the services and from what is known of products, and plans over it."""
