"""What a bot really did, reckoned from what TradeWise saw: `record` is what a page may show.

What was seen goes in (`observed`), becomes a curve that deposits do not move (`curve`) and figures
(`metrics`), and what too little data would make a guess is withheld (`evidence`). What subscribers got is in
`subscribers`. Nothing here asks a database or a setting. Every formula is in docs/records.md.
"""

from marketplace.records.evidence import Quality, Tier, caveats, tier_sentence
from marketplace.records.metrics import Daily, Figures, Record, daily, measure, record
from marketplace.records.observed import EquityPoint, Flow, Gap, Observed, Price, Skipped, Trade
from marketplace.records.subscribers import SubscriberResult, SubscribersGot, subscribers_got

__all__ = [
    "Daily",
    "EquityPoint",
    "Figures",
    "Flow",
    "Gap",
    "Observed",
    "Price",
    "Quality",
    "Record",
    "Skipped",
    "SubscriberResult",
    "SubscribersGot",
    "Tier",
    "Trade",
    "caveats",
    "daily",
    "measure",
    "record",
    "subscribers_got",
    "tier_sentence",
]
