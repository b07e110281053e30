"""Output of the services: FIFOs, the mover that takes it to the log files, rotation, reading and following."""
