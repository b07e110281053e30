"""The history of events on disk: written without ever holding anybody up, read while it is written."""
