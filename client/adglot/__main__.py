"""Run the command line: ``adglot COMMAND`` or ``python -m adglot COMMAND``."""

from adglot.cli.group import adglot


def main() -> None:
    adglot(prog_name="adglot", auto_envvar_prefix="ADGLOT")


if __name__ == "__main__":
    main()
