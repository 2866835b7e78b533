"""The use cases: the only package that joins the layers.

`checks` reads wallets and judges them, `recorded` does so with recordings, `snapshots` keeps what comes of
it. Heavy libraries are imported where they are used, so that a replay needs no HTTP client and a check no
database.
"""

from aggregator.app.answers import Answer
from aggregator.app.borrower_tables import read_borrowers
from aggregator.app.calendars import calendars
from aggregator.app.chains import at_heights, heads
from aggregator.app.checks import Checked, adapters, check, compared, doctor, exchanges, explained, read
from aggregator.app.comparing import Verdict
from aggregator.app.crosschecking import crosscheck, replayed_crosscheck
from aggregator.app.crosschecks import CrossCheck, CrossChecked
from aggregator.app.differences import Difference, diff
from aggregator.app.history import HistoryReport, show_history, update_history
from aggregator.app.kept_history import KeptHistory
from aggregator.app.linked import link as link_wallet
from aggregator.app.linked import unlink as unlink_wallet
from aggregator.app.liquidating import LiquidationRequest, liquidations
from aggregator.app.markets import MarketReader, Markets, UnreadExchange, held_assets, read_markets
from aggregator.app.naming import wallet_of
from aggregator.app.owning import links
from aggregator.app.planning import PlanRequest, read_with_markets, repair, replay_with_markets
from aggregator.app.readers import Selection
from aggregator.app.recorded import DEMO, demo, replay
from aggregator.app.requirements import SavedRequirements, WalletRequirement, saved_requirements
from aggregator.app.snapshots import (
    chain_names,
    list_snapshots,
    prune,
    publish,
    save,
    save_all,
    stored,
    warehouse,
)
from aggregator.app.stressing import StressRequest, named_stresses, stress, whatif
from aggregator.app.studying import save_calendars, save_liquidations, save_plans
from aggregator.app.verifying import OnChain, VerifiedSnapshot, Where, verify
from aggregator.app.wallets import (
    add_wallet,
    expanded,
    group_members,
    group_wallets,
    list_wallets,
    remove_wallet,
    ungroup_wallets,
)

__all__ = [
    "DEMO",
    "Answer",
    "Checked",
    "CrossCheck",
    "CrossChecked",
    "Difference",
    "HistoryReport",
    "KeptHistory",
    "LiquidationRequest",
    "MarketReader",
    "Markets",
    "OnChain",
    "PlanRequest",
    "SavedRequirements",
    "Selection",
    "StressRequest",
    "UnreadExchange",
    "Verdict",
    "VerifiedSnapshot",
    "WalletRequirement",
    "Where",
    "adapters",
    "add_wallet",
    "at_heights",
    "calendars",
    "chain_names",
    "check",
    "compared",
    "crosscheck",
    "demo",
    "diff",
    "doctor",
    "exchanges",
    "expanded",
    "explained",
    "group_members",
    "group_wallets",
    "heads",
    "held_assets",
    "link_wallet",
    "links",
    "liquidations",
    "list_snapshots",
    "list_wallets",
    "named_stresses",
    "prune",
    "publish",
    "read",
    "read_borrowers",
    "read_markets",
    "read_with_markets",
    "remove_wallet",
    "repair",
    "replay",
    "replay_with_markets",
    "replayed_crosscheck",
    "save",
    "save_all",
    "save_calendars",
    "save_liquidations",
    "save_plans",
    "saved_requirements",
    "show_history",
    "stored",
    "stress",
    "ungroup_wallets",
    "unlink_wallet",
    "update_history",
    "verify",
    "wallet_of",
    "warehouse",
    "whatif",
]
