"""What `pileus_deploy.load` is made of: clients that count what they are answered, and the stages of a run."""
