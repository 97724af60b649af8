"""What is done in the background on every storage host: replicas made whole, files read again, objects let go in
time."""
