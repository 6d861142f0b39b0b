"""Print how many tests of autograd's suite pass, and why each other one does not."""

from __future__ import annotations

from .expected import NOT_PASSING
from .suite import REPOSITORY, outcomes


def main() -> None:
    folder = REPOSITORY / ".pytest_cache" / "d" / "autograd-suite"
    folder.mkdir(parents=True, exist_ok=True)
    found = outcomes(folder)
    failed = {name: why for name, why in found.items() if why}
    print(f"{len(found) - len(failed)} of {len(found)} tests of autograd's suite pass")
    for reason, names in NOT_PASSING.items():
        print(f"\n{len(names)}: {reason}")
        print(*(f"    {name}" for name in names), sep="\n")
    for name in sorted(failed.keys() - {n for names in NOT_PASSING.values() for n in names}):
        print(f"\nUNEXPECTED {name}: {failed[name]}")


if __name__ == "__main__":
    main()
