"""The simulated server with one fault each. The name of a fault is its key in FAULTS."""

from simulated_server import Server

FAULTS = {}


def fault(name):
    def register(kind):
        FAULTS[name] = kind
        return kind
    return register


@fault("wrong usage count")
class WrongUsage(Server):
    def claimed_tokens(self, generated):
        return generated + 7


import context_faults  # noqa: E402,F401  registers its own
