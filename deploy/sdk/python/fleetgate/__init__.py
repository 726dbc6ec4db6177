"""A client of fleetgate's native protocol: publications that are kept until the gateway has them."""

from .client import Client, Command, OutboxFull
from .journal import JournalError
from .wire import CLASSES, DONE, EXPIRED, FAILED, TAKEN, UNKNOWN, ProtocolError

__all__ = ["CLASSES", "Client", "Command", "DONE", "EXPIRED", "FAILED", "JournalError", "OutboxFull",
           "ProtocolError", "TAKEN", "UNKNOWN"]
