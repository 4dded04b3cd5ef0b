"""`python -m cqtnet`: the same as the command `cqtnet`."""

from cqtnet.cli import main

main()
