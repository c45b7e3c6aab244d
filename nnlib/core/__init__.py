"""The core: declare, then bind."""
