"""Run the program as `python -m calicoctl`."""

import sys

from calicoctl.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
