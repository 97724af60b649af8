"""How a Pileus cloud is started on a machine."""
