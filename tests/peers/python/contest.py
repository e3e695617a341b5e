"""How a peer is spoken to: a word a line, and a number for an answer."""

import json
import sys


def needs() -> dict:
    """What the program is started with."""
    return json.loads(sys.argv[1])


def answer(sync, stored) -> None:
    """Does what each line says, until there are no more."""
    print(0, flush=True)
    for line in sys.stdin:
        match line.strip():
            case "wake":
                number = 0
            case "sync":
                sync()
                number = 0
            case "stored":
                number = stored()
            case word:
                raise ValueError(f"what is {word!r}?")
        print(number, flush=True)
