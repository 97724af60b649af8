"""What every Pileus service is built from; knows no service."""
