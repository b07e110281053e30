"""The keeper: a small process for each root that moves the output of its services, and outlives a killed supervisor."""
