"""The format on disk: devices, object files, listings. Only the process of the storage server writes here."""
