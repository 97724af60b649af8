"""How bytes lie on a disk: `disks`, `object_files` and `listings`. Only the storage server's process writes here."""
