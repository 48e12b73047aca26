"""The audit trail: written by every app, importing none."""
