"""What a configuration would have done on the simulated exchange: its own strategy, run by Freqtrade's backtesting."""
