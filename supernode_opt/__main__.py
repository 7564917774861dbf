"""`python -m supernode_opt`, which is `supernode-opt`."""

from supernode_opt.cli import main

if __name__ == "__main__":
    main()
