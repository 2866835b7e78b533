"""The only network code: endpoints, batches, common rounds, recordings, and the registry of adapters."""
