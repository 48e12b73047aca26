"""`{% load formats %}`: figures, times and drawings in templates.

In long lists prepare the cells in Python with `tradewise.web.formatting` instead: a filter per cell costs.
"""

from django import template

from tradewise.web import drawing, formatting

register = template.Library()

register.filter("number", formatting.number)
register.filter("amount", formatting.amount_html)
register.filter("money", formatting.money)
register.filter("change", formatting.change)
register.filter("percent", formatting.percent)
register.filter("share", formatting.share)
register.filter("change_percent", formatting.change_percent)
register.filter("direction", formatting.direction)
register.filter("ago", formatting.time_html)
register.filter("exact", formatting.exact)
register.filter("day", formatting.day)
register.simple_tag(drawing.sparkline, name="sparkline")
register.simple_tag(drawing.equity_svg, name="equity")
register.simple_tag(drawing.uptime_bars, name="uptime")
