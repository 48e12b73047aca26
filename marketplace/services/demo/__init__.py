"""Demo data: templates that came with TradeWise, and their records, which were replayed on invented prices."""
