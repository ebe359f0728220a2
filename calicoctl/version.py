"""The program's version, read by `setup.py` and `calicoctl --version`."""

VERSION = "0.1.0"
