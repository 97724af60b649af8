"""How a Pileus cloud is started on a machine: its plan, its processes, its first contents."""
