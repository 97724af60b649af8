"""The flows that the worker runs."""

from pileus_image.flows import copy_image, import_image

FLOWS = [import_image.FLOW, copy_image.FLOW]
