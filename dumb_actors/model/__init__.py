"""Pure values and decisions: specs, phases, events, edges. No Trio, no files, no clock."""
