"""`python -m sidecars.guard`."""

from sidecars.guard.command import app

if __name__ == "__main__":
    app(prog_name="guard")
