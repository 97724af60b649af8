"""The actions of `POST /servers/ID/action`, a module for each kind."""
