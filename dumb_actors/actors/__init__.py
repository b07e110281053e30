"""Service actors and their supervisor: the only room that opens nurseries for services."""
