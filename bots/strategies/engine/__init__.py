"""The classes that Freqtrade runs. Each reads a configuration with the same models as the site."""
