"""Where the replicas of a name are placed: `rings` reads rings, `builder` makes and changes them."""
