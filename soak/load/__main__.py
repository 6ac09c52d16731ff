"""Entry point of the load process, `python -m soak.load`. The supervisor starts it; users do not."""

from soak.load.child import main

if __name__ == "__main__":
    raise SystemExit(main())
