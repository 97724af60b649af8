"""Files, taps and control groups of QEMU guests, whatever starts QEMU."""
