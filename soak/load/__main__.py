"""`python -m soak.load`: the load's process; the supervisor starts it, people do not."""

from soak.load.child import main

if __name__ == "__main__":
    raise SystemExit(main())
