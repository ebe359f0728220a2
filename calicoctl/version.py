"""The program's version; `setup.py` and `calicoctl --version` both read it here."""

VERSION = "0.1.0"
