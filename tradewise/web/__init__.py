"""How pages are answered and what figures look like: page or fragment, middleware, words and drawings."""
