"""What every saved wallet would require under today's configuration, by the scan alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

LEFT_OUT = (
    "scan and add-ons only: neither expected shortfall over joint moves nor late price feeds, either of which "
    "may require more"
)
