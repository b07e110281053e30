"""Pure values and decisions: specs, phases, events, the graph, plans. No Trio, no files, no clock."""
