"""From what is wanted of the bots that TradeWise runs to engines that run, and from what is seen to what is true."""

from bots.reconciler.tick import Report, reconcile

__all__ = ["Report", "reconcile"]
