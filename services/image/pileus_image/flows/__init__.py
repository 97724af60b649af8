"""The flows that the worker runs."""

from pileus_image.flows import import_image

FLOWS = [import_image.FLOW]
