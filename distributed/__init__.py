"""Training on many devices. Nothing is here yet: strategies arrive with a later version."""
