"""What every Pileus service is built from."""
